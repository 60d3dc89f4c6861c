// Command lines of a whole grammar, said to Postfix's smtpd and to a listener with `addressSyntax: "internet"`: both take
// a line or both refuse it, and both mean the same recipient, but for the differences that differences.ts explains.
import { expect, onTestFinished, test } from 'vitest';
import type { Mailbox } from '../../src/smtp/index.ts';
import { missing } from '../support/programs.ts';
import { startServer } from '../support/smtp-server.ts';
import { sayLines } from './commands.ts';
import { differences, otherMeanings, WITHOUT_DOMAIN } from './differences.ts';
import { lines } from './lines.ts';
import { Postfix } from './postfix.ts';

test('a listener takes what Postfix takes, but for the differences that have a reason', async ({
  skip,
}) => {
  const reason =
    missing('postfix') ?? (process.getuid?.() === 0 ? undefined : 'Postfix starts only as root');
  skip(reason !== undefined, reason);
  const postfix = await Postfix.start();
  // Not `await using`: it must also end where the test runs out of time.
  onTestFinished(() => postfix[Symbol.asyncDispose]());
  const meant = new Map<string, Mailbox>();
  let line = '';
  const { portOf } = await startServer(
    {
      hostname: 'mx.example',
      listeners: [
        { name: 'mx', host: '127.0.0.1', port: 0, trustedNetworks: ['127.0.0.1'] },
        { name: 'public', host: '127.0.0.1', port: 0 },
      ],
      limits: { maxErrors: 100_000, maxMessages: 100_000 },
    },
    (server) => {
      // Without a hook that takes the mail, MAIL would be answered 451.
      server.onMail(() => undefined);
      server.onRecipient(({ forwardPath, session }) => {
        if (session.listener === 'mx') meant.set(line, forwardPath);
      });
    },
  );
  const theirs = await sayLines(postfix.port, lines, { sendsMail: true });
  const ours = await sayLines(portOf('mx'), lines, { onLine: (each) => void (line = each) });

  expect(lines.length).toBeGreaterThan(1000);
  const found = { postfix: [] as string[], mailsluice: [] as string[] };
  for (const each of lines) {
    const [postfixTakes, weTake] = [theirs.get(each)?.isTaken, ours.get(each)?.isTaken];
    if (postfixTakes !== weTake) found[postfixTakes === true ? 'postfix' : 'mailsluice'].push(each);
  }
  for (const takenBy of ['postfix', 'mailsluice'] as const) {
    const explained = differences.filter((each) => each.takenBy === takenBy);
    expect(found[takenBy].toSorted()).toEqual(explained.flatMap((each) => each.lines).toSorted());
  }

  const strangers = await sayLines(portOf('public'), lines, {});
  const refused = lines.filter((each) => ours.get(each)?.isTaken !== strangers.get(each)?.isTaken);
  expect(refused.length, WITHOUT_DOMAIN).toBeGreaterThan(50);
  for (const each of refused) {
    expect(strangers.get(each)?.reply, each).toMatch(
      /^501 5\.1\.[37] (?:Sender|Recipient) address has no domain$/,
    );
    expect(each).not.toMatch(/[^\\]@(?:x|X)/);
  }

  const queueIds = [...theirs.values()].flatMap(({ queueId }) => queueId ?? []);
  expect(queueIds.length).toBeGreaterThan(250);
  const log = await postfix.logOf(queueIds);
  const unlike: { line: string; postfix: string; mailsluice: string }[] = [];
  for (const [each, { queueId }] of theirs) {
    const mailbox = meant.get(each);
    if (queueId === undefined || mailbox === undefined) continue;
    const postfixMeans = new RegExp(`${queueId}: to=<(.*?)>, (?:orig_to|relay)=`).exec(log)?.[1];
    const weMean = externalForm(mailbox);
    if (postfixMeans !== weMean) {
      unlike.push({ line: each, postfix: postfixMeans ?? 'nobody', mailsluice: weMean });
    }
  }
  expect(unlike).toEqual(
    otherMeanings.map(({ line: said, postfix: they, mailsluice: we }) => ({
      line: said,
      postfix: they,
      mailsluice: we,
    })),
  );
}, 120_000);

/** As Postfix writes an address: quoted by RFC 5321, the domain without its final dot. */
function externalForm({ localPart, domain }: Mailbox): string {
  const isDotString = /^[^ "(),.:;<>@[\\\]]+(?:\.[^ "(),.:;<>@[\\\]]+)*$/.test(localPart);
  const local = isDotString ? localPart : `"${localPart.replaceAll(/["\\]/g, '\\$&')}"`;
  return `${local}@${domain === '' ? 'mx.example' : domain.replace(/\.$/, '')}`;
}
