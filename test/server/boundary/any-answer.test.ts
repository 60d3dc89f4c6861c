// The boundary as a property: any value, returned or thrown by any hook, at once or later, in any order. Every reply is
// well-formed or the connection is closed as documented, and nothing is accepted that the hook did not accept.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ListenerOptions, SmtpServer } from '../../../src/server/index.ts';
import { TestClient } from '../../support/smtp-client.ts';
import { startServer } from '../../support/smtp-server.ts';
import {
  type Answer,
  answers,
  type Said,
  say,
  signIns,
  WELL_FORMED,
} from './answers-of-any-kind.ts';

interface Scene {
  readonly connect: Answer;
  readonly helo: Answer;
  readonly signIn: Answer;
  readonly sender: Answer;
  readonly recipient: Answer;
  readonly data: Answer;
  readonly mail: Answer;
  /** A second hook of each kind that only agrees: it must not make an acceptance of what the first said. */
  readonly isAgreed: boolean;
  readonly protocol: 'smtp' | 'lmtp';
}

const scenes: fc.Arbitrary<Scene> = fc.record({
  connect: answers([220]),
  helo: answers([250]),
  signIn: signIns,
  sender: answers([250]),
  recipient: answers([250, 251, 252]),
  data: answers([]),
  mail: answers([250, 251, 252]),
  isAgreed: fc.boolean(),
  protocol: fc.constantFrom('smtp', 'lmtp'),
});

function prepare(server: SmtpServer, scene: Scene): void {
  const hook = (answer: Answer) => (): never => say(answer) as never;
  const rounds = scene.isAgreed ? 2 : 1;
  for (let round = 0; round < rounds; round++) {
    const agree = (): undefined => undefined;
    server
      .onConnect(round === 0 ? hook(scene.connect) : agree)
      .onHelo(round === 0 ? hook(scene.helo) : agree)
      .onSignIn(round === 0 ? hook(scene.signIn) : agree)
      .onSender(round === 0 ? hook(scene.sender) : agree)
      .onRecipient(round === 0 ? hook(scene.recipient) : agree)
      .onData(round === 0 ? hook(scene.data) : agree)
      .onMail(round === 0 ? hook(scene.mail) : agree);
  }
}

/** The first digits that the documentation allows after this answer. */
function allowedBy({ meaning, value }: Said): RegExp {
  switch (meaning) {
    case 'go-on':
    case 'accepts':
      return /^[23]/;
    case 'refuses':
    case 'ends':
      return value === false || value === undefined
        ? /^535 /
        : new RegExp(`^${(value as { code: number }).code}(?:[ -]|$)`);
    case 'neither':
      return /^4(?:21|51|54) /;
  }
}

test('whatever a hook says, every reply is well-formed and no 250 is said that it did not mean', async () => {
  const rejections: unknown[] = [];
  const unhandled = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', unhandled);
  const run = async (scene: Scene): Promise<void> => {
    const listener: ListenerOptions = {
      name: 'in',
      host: '127.0.0.1',
      port: 0,
      protocol: scene.protocol,
      auth: 'optional',
      allowInsecureAuth: true,
    };
    const { port, log, server } = await startServer({ listeners: [listener] }, (created) =>
      prepare(created, scene),
    );
    let failures = 0;
    const client = await TestClient.connect(port);
    try {
      /** Says the line and holds the reply to what the hook meant; whether the dialogue goes on. */
      const step = async (line: string | undefined, answer: Said): Promise<boolean> => {
        const said = line === undefined ? await client.reply() : await client.say(line);
        expect(said).toMatch(WELL_FORMED);
        expect(said).toMatch(allowedBy(answer));
        if (answer.meaning === 'neither') failures++;
        expect(log.of('failure').length).toBe(failures);
        const goesOn = answer.meaning === 'go-on' || answer.meaning === 'accepts';
        if (!goesOn) {
          if (line === undefined || answer.meaning === 'ends') expect(await client.rest()).toBe('');
          else expect(await client.sayAll('NOOP', 'QUIT')).toBe('250 221');
        }
        return goesOn;
      };
      const plain = Buffer.from('\0ann\0pw').toString('base64');
      if (!(await step(undefined, scene.connect))) return;
      if (!(await step(scene.protocol === 'lmtp' ? 'LHLO c' : 'EHLO c', scene.helo))) return;
      if (!(await step(`AUTH PLAIN ${plain}`, scene.signIn))) return;
      if (!(await step('MAIL FROM:<a@example.com>', scene.sender))) return;
      if (!(await step('RCPT TO:<b@example.com>', scene.recipient))) return;
      if (!(await step('DATA', scene.data))) return;
      const isAccepted = await step('hi\r\n.', scene.mail);
      expect(log.of('message-accepted').length).toBe(isAccepted ? 1 : 0);
    } finally {
      client.destroy();
      await server.close({ drain: 0 });
    }
  };
  try {
    await fc.assert(fc.asyncProperty(scenes, run), {
      numRuns: Number(process.env['FUZZ_RUNS'] ?? 400),
    });
    expect(rejections).toEqual([]);
  } finally {
    process.off('unhandledRejection', unhandled);
  }
}, 120_000);
