// The boundary as a property, in any order of commands: a command succeeds only if every hook that it asked meant so, and
// a message only if its hook, or its writer, did.
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import type { ServerOptions } from '../../../src/server/index.ts';
import type { MessageWriter } from '../../../src/smtp/index.ts';
import { TestClient } from '../../support/smtp-client.ts';
import { startServer } from '../../support/smtp-server.ts';
import {
  type Answer,
  answers,
  junk,
  type Meaning,
  say,
  WELL_FORMED,
} from './answers-of-any-kind.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 200);

const commands = fc.constantFrom(
  'EHLO c',
  'HELO c',
  'MAIL FROM:<a@example.com>',
  'RCPT TO:<b@example.com>',
  'DATA',
  'BDAT 4 LAST\r\nhi\r\n',
  'BDAT 0',
  'RSET',
  'NOOP',
  'VRFY a',
);
/** Mostly an order in which mail is sent. */
const scripts = fc
  .array(
    fc.oneof(
      { weight: 1, arbitrary: commands.map((command) => [command]) },
      {
        weight: 2,
        arbitrary: fc
          .constantFrom('DATA', 'BDAT 4 LAST\r\nhi\r\n')
          .map((last) => ['EHLO c', 'MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>', last]),
      },
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((parts) => parts.flat());

const isMeant = (meaning: Meaning | undefined): boolean =>
  meaning === 'go-on' || meaning === 'accepts';

/** Sends the script, and the octets after each 354; `check` gets each command, or `.`, with its reply. */
async function converse(
  port: number,
  script: readonly string[],
  check: (line: string, reply: string) => void,
): Promise<void> {
  const client = await TestClient.connect(port);
  await client.reply();
  for (const line of script) {
    const reply = await client.say(line.replace(/\r\n$/, ''));
    expect(reply).toMatch(WELL_FORMED);
    check(line, reply);
    if (reply.startsWith('354')) {
      const last = await client.say('hi\r\n.');
      expect(last).toMatch(WELL_FORMED);
      check('.', last);
      if (last.startsWith('421')) break;
    }
    if (reply.startsWith('421')) break;
  }
  client.destroy();
}

test('in any order of commands, a reply of 2yz was meant by every hook that was asked', async () => {
  let accepted = 0;
  const run = async (script: string[], said: Answer[]): Promise<void> => {
    const asked: Meaning[] = [];
    const mails: Meaning[] = [];
    let next = 0;
    const hook = (notes: Meaning[]) => (): never => {
      const answer = said[next++ % said.length];
      notes.push(answer?.meaning ?? 'go-on');
      return (answer && say(answer)) as never;
    };
    const { server, port, log } = await startServer({}, (created) => {
      created
        .onHelo(hook(asked))
        .onSender(hook(asked))
        .onRecipient(hook(asked))
        .onData(hook(asked))
        .onMail(hook(mails));
    });
    await converse(port, script, (line, reply) => {
      const isMessage = line === '.' || (line.startsWith('BDAT') && mails.length > 0);
      // With BDAT one reply answers both.
      const meant = line.startsWith('BDAT')
        ? [...asked.splice(0), ...mails.splice(0)]
        : (isMessage ? mails : asked).splice(0);
      if (isMessage && reply.startsWith('2')) accepted++;
      if (/^[23]/.test(reply)) expect(meant.filter((each) => !isMeant(each))).toEqual([]);
      if (meant.includes('neither')) expect(reply).toMatch(/^4(?:21|51) /);
    });
    for (const { replies } of log.of('message-accepted')) {
      expect(replies.every(({ code }) => code >= 250 && code <= 252)).toBe(true);
    }
    await server.close({ drain: 0 });
  };
  await fc.assert(
    fc.asyncProperty(scripts, fc.array(answers([250]), { minLength: 1, maxLength: 7 }), run),
    { numRuns: RUNS },
  );
  expect(accepted).toBeGreaterThan(0);
}, 120_000);

interface Low {
  readonly open: Answer;
  readonly write: Answer;
  readonly commit: Answer;
}
/** `go-on` is what is right at that place. */
const low: fc.Arbitrary<Low> = fc.record({
  open: answers([]),
  write: answers([]),
  commit: answers([250, 251, 252]),
});

test('a message is accepted only if the writer was opened, took every octet and accepted', async () => {
  let accepted = 0;
  const run = async (
    script: string[],
    { open, write, commit }: Low,
    isBare: boolean,
  ): Promise<void> => {
    const messages: string[] = [];
    const right = { kind: 'accept', reply: undefined } as const;
    const writer = {
      write: () => (write.meaning === 'go-on' ? true : say(write)),
      commit: () => {
        messages.push('commit');
        return commit.meaning === 'go-on' ? { code: 250, text: 'Ok' } : say(commit);
      },
      discard: () => void messages.push('discard'),
    } as unknown as MessageWriter;
    const options: ServerOptions = {
      openMessage: (() => {
        if (open.meaning === 'go-on') return { ...right, writer };
        // A reply alone is none of its answers.
        return isBare ? say(open) : { kind: 'refuse', reply: open.value };
      }) as never,
    };
    const { server, port, log } = await startServer(options, () => {});
    const isWritten =
      write.meaning === 'go-on' || (write.way === 'returned' && typeof write.value === 'boolean');
    const isTaken =
      open.meaning === 'go-on' &&
      isWritten &&
      (commit.meaning === 'go-on' || commit.meaning === 'accepts');
    await converse(port, script, (line, reply) => {
      if (line === 'DATA' && reply.startsWith('354')) expect(open.meaning).toBe('go-on');
      if (line === '.' || line.startsWith('BDAT 4')) {
        if (!reply.startsWith('2')) return;
        accepted++;
        expect(isTaken).toBe(true);
      }
    });
    if (!isTaken) expect(log.of('message-accepted')).toEqual([]);
    await server.close({ drain: 0 });
  };
  await fc.assert(fc.asyncProperty(scripts, low, fc.boolean(), run), { numRuns: RUNS });
  expect(accepted).toBeGreaterThan(0);
}, 120_000);

test('an answer may come after its client or its server is gone, and then accepts and ends nothing', async () => {
  const rejections: unknown[] = [];
  const unhandled = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', unhandled);
  const script = [
    'EHLO c',
    'MAIL FROM:<a@example.com>',
    'RCPT TO:<b@example.com>',
    'BDAT 4 LAST\r\nhi',
    'QUIT',
  ].join('\r\n');
  const run = async (said: Answer[], ending: string, milliseconds: number): Promise<void> => {
    let next = 0;
    let meant = 0;
    const hook = (): never => {
      const answer = said[next++ % said.length];
      return (answer && say(answer)) as never;
    };
    const { server, port, log } = await startServer({}, (created) => {
      created
        .onConnect(hook)
        .onHelo(hook)
        .onSender(hook)
        .onRecipient(hook)
        .onData(hook)
        .onMail(() => {
          const answer = said[next++ % said.length];
          if (isMeant(answer?.meaning)) meant++;
          return (answer && say(answer)) as never;
        })
        .onClose(hook);
    });
    const client = await TestClient.connect(port);
    client.send(`${script}\r\n`);
    await setTimeout(milliseconds);
    if (ending === 'reset') client.reset();
    else if (ending === 'destroy') client.destroy();
    await server.close({ drain: ending === 'drain' ? 0.02 : 0 });
    client.destroy();
    expect(log.of('failure').filter(({ where }) => where === 'session')).toEqual([]);
    expect(log.of('message-accepted').length).toBeLessThanOrEqual(meant);
  };
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(answers([250]), { minLength: 1, maxLength: 7 }),
        fc.constantFrom('reset', 'destroy', 'drain', 'close'),
        fc.nat(4),
        run,
      ),
      { numRuns: RUNS },
    );
    expect(rejections).toEqual([]);
  } finally {
    process.off('unhandledRejection', unhandled);
  }
}, 120_000);

test('whatever nextMessageId and observe give, a session goes on', async () => {
  const rejections: unknown[] = [];
  const unhandled = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', unhandled);
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  try {
    await fc.assert(
      fc.asyncProperty(junk, answers([]), async (id, answer) => {
        const { server, port } = await startServer({
          nextMessageId: () => id as string,
          observe: (() => say(answer)) as () => void,
        });
        const client = await TestClient.connect(port);
        await client.reply();
        await client.sayAll('EHLO c', 'MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>');
        expect(await client.say('DATA')).toMatch(/^(?:354|451) /);
        client.destroy();
        await server.close({ drain: 0 });
      }),
      { numRuns: RUNS },
    );
    expect(rejections).toEqual([]);
  } finally {
    warn.mockRestore();
    process.off('unhandledRejection', unhandled);
  }
}, 120_000);
