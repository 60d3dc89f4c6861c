// What nodemailer makes of each hook's refusal, by a returned reply, a thrown `Refusal`, an exception, a value that is no answer, and
// silence: the code of its error, the command that it blames, and our reply.
import { describe, expect, test } from 'vitest';
import {
  type HookAnswer,
  type HookContext,
  type Middleware,
  Refusal,
  type ServerOptions,
} from '../../../src/index.ts';
import { type Serving, Scene } from './scene.ts';

type Answer = (context: HookContext) => HookAnswer | Promise<HookAnswer>;

/** The ways to refuse: what the hook does, and the reply that it stands for; where that is left out, the hook failed. */
const ways: readonly {
  readonly way: string;
  readonly answer: Answer;
  readonly reply?: string;
  readonly limits?: ServerOptions['limits'];
}[] = [
  {
    way: 'a reply of 5yz',
    answer: ({ reply }) => reply(550, '7.1', 'No'),
    reply: '550 5.7.1',
  },
  {
    way: 'a reply of 4yz, later',
    answer: async ({ reply }) => reply(450, '7.1', ['Not now', 'Try again']),
    reply: '450 4.7.1',
  },
  {
    way: 'a reply of 421',
    answer: ({ reply }) => reply(421, '7.0', 'Come back tomorrow'),
    reply: '421 4.7.0',
  },
  {
    way: 'a thrown Refusal',
    answer: () => {
      throw new Refusal(554, '7.1', 'No');
    },
    reply: '554 5.7.1',
  },
  {
    way: 'an exception',
    answer: async () => {
      throw new Error('the database is down');
    },
  },
  { way: 'a value that is no answer', answer: () => false as unknown as undefined },
  {
    way: 'silence',
    answer: () => new Promise<undefined>(() => {}),
    limits: { answerTimeoutSeconds: 0.2 },
  },
];

const CLOSED = 'ECONNECTION at CONN: Connection closed unexpectedly';

/** The hooks: how nodemailer reports a refusal, and the reply where the hook failed. */
const stages: readonly {
  readonly hook: Exclude<keyof Middleware, 'name' | 'onClose' | 'onSignIn'>;
  readonly error: string;
  readonly failed: string;
  /** How it reports a 421, which ends the session, where that differs. */
  readonly ended?: string;
  /** The whole outcome where the hook is late, where that differs. */
  readonly late?: string;
  readonly listener?: Serving['listener'];
}[] = [
  { hook: 'onConnect', error: 'EPROTOCOL at CONN', failed: '421 4.3.0', late: CLOSED },
  {
    hook: 'onSecured',
    error: 'EPROTOCOL at HELO',
    failed: '421 4.3.0',
    ended: 'ECONNECTION at EHLO',
    late: CLOSED,
    listener: { tls: 'starttls' },
  },
  {
    hook: 'onHelo',
    error: 'EPROTOCOL at HELO',
    failed: '451 4.3.0',
    ended: 'ECONNECTION at EHLO',
  },
  { hook: 'onSender', error: 'EENVELOPE at MAIL FROM', failed: '451 4.3.0' },
  {
    hook: 'onRecipient',
    error: 'EENVELOPE at RCPT TO',
    failed: '451 4.3.0',
    ended: 'ECONNECTION at CONN',
  },
  { hook: 'onData', error: 'EENVELOPE at DATA', failed: '451 4.3.0' },
  { hook: 'onMail', error: 'EMESSAGE at DATA', failed: '451 4.3.0' },
];

describe.each(stages)('$hook', ({ hook, error, failed, ended = error, late, listener = {} }) => {
  test.each(ways)('$way', async ({ way, answer, reply = failed, limits = {} }) => {
    const scene = await Scene.start({
      listener,
      options: { limits },
      prepare: (server) => void server.use({ [hook]: answer }),
    });
    const reported = `${reply.startsWith('421') ? ended : error}: ${reply}`;
    expect(await scene.send()).toBe(way === 'silence' ? (late ?? reported) : reported);
    expect(scene.log.of('message-accepted')).toEqual([]);
  });
});
