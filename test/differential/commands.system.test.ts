// Command lines of a whole grammar, said to Postfix's smtpd and to a listener with `addressSyntax: "internet"`: both take
// a line or both refuse it, and both mean the same recipient, but for the differences that differences.ts explains.
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Mailbox } from '../../src/smtp/index.ts';
import { startServer } from '../support/smtp-server.ts';
import { sayLines } from './commands.ts';
import { differences, otherMeanings } from './differences.ts';
import { lines } from './lines.ts';
import { MASTER, Postfix } from './postfix.ts';

/** Why Postfix cannot run here, if so. In CI it must. */
function absence(): string | undefined {
  const reason = !existsSync(MASTER)
    ? 'not installed: postfix'
    : process.getuid?.() !== 0
      ? 'Postfix starts only as root'
      : undefined;
  if (reason !== undefined && process.env['CI'] === 'true' && process.getuid?.() === 0) {
    throw new Error(`${reason}; CI runs every test, see .ci/run`);
  }
  return reason;
}

test('a listener takes what Postfix takes, but for the differences that have a reason', async ({
  skip,
}) => {
  const reason = absence();
  skip(reason !== undefined, reason);
  await using postfix = await Postfix.start();
  const meant = new Map<string, Mailbox>();
  let line = '';
  const { port } = await startServer(
    {
      hostname: 'mx.example',
      listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, trustedNetworks: ['127.0.0.1'] }],
      limits: { maxErrors: 100_000, maxMessages: 100_000 },
    },
    (server) => void server.onRecipient((forwardPath) => void meant.set(line, forwardPath)),
  );
  const theirs = await sayLines(postfix.port, lines, { sendsMail: true });
  const ours = await sayLines(port, lines, { onLine: (each) => void (line = each) });

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

  const log = postfix.log;
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
