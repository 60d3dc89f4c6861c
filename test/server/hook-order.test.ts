// The order of the hooks and their exits (hook-order.ts), against a server.
import { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import type { HookAnswer, Middleware, ServerOptions, SmtpServer } from '../../src/server/index.ts';
import { makeHooks } from '../../src/server/hooks.ts';
import { makeCertificate } from '../support/certificates.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';
import { type HookStage, hookOrder } from './hook-order.ts';

type Hook = HookStage['hook'];

const names = hookOrder.map(({ hook }) => hook);
const PLAIN = `AUTH PLAIN ${Buffer.from('\0ann\0right').toString('base64')}`;

/** A server with STARTTLS and sign-in whose hooks are these, and a client that it has not greeted yet. */
async function open(
  hooks: Middleware,
  { limits = {}, tls = 'starttls' as 'starttls' | 'implicit' } = {},
): Promise<{ client: TestClient; server: SmtpServer }> {
  const options: ServerOptions = {
    listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, tls, auth: 'optional' }],
    tls: { certificates: [await makeCertificate()] },
    limits,
  };
  const { server, port } = await startServer(options, (each) => {
    each.use({ onSignIn: () => undefined, onMail: () => undefined }, hooks);
  });
  const client =
    tls === 'implicit' ? await TestClient.connectTls(port) : await TestClient.connect(port);
  return { client, server };
}

/** Takes the steps of a session up to the one at which `until` answers, and gives its reply; without `until`, to the end. */
async function walk(client: TestClient, until?: Hook): Promise<string> {
  const toTls: Steps = [
    ['onHelo', () => client.say('EHLO before.example')],
    [undefined, () => client.startTls().then(() => '220')],
  ];
  const steps: Steps = [
    ['onConnect', () => client.reply()],
    ...(client.socket instanceof TLSSocket ? [] : toTls),
    ['onSecured', () => client.say('EHLO client.example')],
    ['onSignIn', () => client.say(PLAIN)],
    ['onSender', () => client.say('MAIL FROM:<a@example.com>')],
    ['onRecipient', () => client.say('RCPT TO:<b@example.com>')],
    ['onData', () => client.say('DATA')],
    ['onMail', () => client.say('hi\r\n.')],
  ];
  for (const [asks, take] of steps) {
    const reply = await take();
    if (until !== undefined && asks === until) return reply;
  }
  const reply = await client.say('QUIT');
  client.destroy();
  return reply;
}

type Steps = readonly (readonly [asks: Hook | undefined, take: () => Promise<string>])[];

test('it has every hook but onClose, once', () => {
  expect([...names, 'onClose'].toSorted()).toEqual(Object.keys(makeHooks()).toSorted());
});

describe('the hooks are called in this order', () => {
  function recorder(calls: string[]): Middleware {
    const all = [...names, 'onClose'] as const;
    const record = (hook: string): true | undefined => {
      calls.push(hook);
      return hook === 'onSignIn' ? true : undefined;
    };
    return Object.fromEntries(all.map((hook) => [hook, () => record(hook)]));
  }

  test('with STARTTLS', async () => {
    const calls: string[] = [];
    const { client, server } = await open(recorder(calls));
    await walk(client);
    await server.close();
    // onHelo twice: EHLO before the handshake and after it.
    expect(calls).toEqual(['onConnect', 'onHelo', ...names.slice(1), 'onClose']);
  });

  test('with implicit TLS onSecured is before onConnect', async () => {
    const calls: string[] = [];
    const { client, server } = await open(recorder(calls), { tls: 'implicit' });
    await walk(client);
    await server.close();
    expect(calls).toEqual(['onSecured', 'onConnect', ...names.slice(2), 'onClose']);
  });
});

describe.each(hookOrder)('$hook', ({ hook, failed, late, ends }) => {
  const exits: readonly { name: string; answer: () => unknown; expected: string }[] = [
    {
      name: 'a refusal',
      answer: () => ({ code: 550, status: '7.1', text: 'No' }),
      expected: '550 5.7.1 No',
    },
    {
      name: '421',
      answer: () => ({ code: 421, status: '7.1', text: 'Go' }),
      expected: '421 4.7.1 Go',
    },
    {
      name: 'an exception',
      answer: () => {
        throw new Error('broken');
      },
      expected: failed,
    },
    { name: 'no answer in time', answer: () => new Promise(() => {}), expected: late },
  ];

  test.each(exits)('$name', async ({ name, answer, expected }) => {
    const limits = name === 'no answer in time' ? { answerTimeoutSeconds: 0.2 } : {};
    const middleware = { [hook]: answer as () => HookAnswer };
    const { client } = await open(
      { onSignIn: () => (hook === 'onSignIn' ? undefined : true), ...middleware },
      { limits },
    );
    if (expected === 'closed') {
      await expect(walk(client, hook)).rejects.toThrow('no whole reply came');
      return;
    }
    const reply = await walk(client, hook);
    expect(reply.slice(0, expected.length)).toBe(expected);
    if (ends || expected.startsWith('421')) expect(await client.rest()).toBe('');
    else expect(await client.say('NOOP')).toMatch(/^250/);
    client.destroy();
  });
});
