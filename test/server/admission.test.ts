// A full server: which connection is let go for which. Loopback addresses are different clients.
import { expect, onTestFinished, test } from 'vitest';
import type { ServerOptions } from '../../src/server/index.ts';
import { TestClient } from '../support/smtp-client.ts';
import { startServer } from '../support/smtp-server.ts';

const LISTENERS = [
  { name: 'mx', host: '127.0.0.1', port: 0 },
  {
    name: 'submission',
    host: '127.0.0.1',
    port: 0,
    auth: 'optional' as const,
    allowInsecureAuth: true,
  },
];
const LET_GO = '421 4.3.2 mx.example.com Service closing, try again later\r\n';

async function full(options: ServerOptions, configure?: Parameters<typeof startServer>[1]) {
  const { portOf, log } = await startServer(
    { hostname: 'mx.example.com', listeners: LISTENERS, ...options },
    (server) => {
      server.onSignIn(() => true);
      configure?.(server);
    },
  );
  return {
    log,
    /** Connects as the client 127.0.0.`client`; gives what it is greeted with. */
    connect: async (client: number, listener = 'mx') => {
      const made = await TestClient.connect(portOf(listener), '127.0.0.1', `127.0.0.${client}`);
      onTestFinished(() => made.destroy());
      const reply = await made.reply();
      return Object.assign(made, { code: reply.slice(0, 3) });
    },
  };
}

test('a full server lets the client with the most connections make room, and only that one', async () => {
  const { connect, log } = await full({ limits: { maxConnections: 5 } });
  const first = await connect(2);
  const others = [await connect(3), await connect(2), await connect(2), await connect(3)];
  expect((await connect(4)).code).toBe('220');
  expect(await first.rest()).toBe(LET_GO);
  expect(log.of('connection-shed')).toMatchObject([
    { reason: 'client-share', peer: { clientAddress: '127.0.0.2' } },
  ]);
  // Two, two and one: nobody has more than one more than the next one would have.
  for (const client of [2, 3, 4]) expect((await connect(client)).code).toBe('421');
  for (const each of others) expect(await each.say('NOOP')).toMatch(/^250/);
});

test('a full server has room for a listener that has fewer connections than another one', async () => {
  const { connect, log } = await full({ limits: { maxConnections: 4 } });
  for (const client of [2, 3, 4, 5]) expect((await connect(client)).code).toBe('220');
  expect((await connect(6)).code).toBe('421');
  expect((await connect(6, 'submission')).code).toBe('220');
  expect((await connect(7, 'submission')).code).toBe('220');
  // Two each.
  expect((await connect(8, 'submission')).code).toBe('421');
  expect((await connect(8)).code).toBe('421');
  expect(log.of('connection-shed').map(({ reason }) => reason)).toEqual([
    'listener-share',
    'listener-share',
  ]);
});

test('a full server lets no connection go whose message is being stored', async () => {
  const stored = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const { connect } = await full({ limits: { maxConnections: 2 } }, (server) => {
    server.onMail(async ({ mail }) => {
      for await (const _ of mail.content) continue;
      begun.resolve();
      await stored.promise;
    });
  });
  const storing = await connect(2);
  await storing.sayAll('EHLO c', 'MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>', 'DATA');
  storing.send('x\r\n.\r\n');
  const idle = await connect(2);
  await begun.promise;
  expect((await connect(3)).code).toBe('220');
  expect(await idle.rest()).toBe(LET_GO);
  expect((await connect(4)).code).toBe('421');
  stored.resolve();
  expect(await storing.reply()).toMatch(/^250/);
});

test('a full server lets those who signed in go last', async () => {
  const { connect } = await full({ limits: { maxConnections: 4 } });
  const users = [await connect(2, 'submission'), await connect(2, 'submission')];
  users.push(await connect(2, 'submission'));
  for (const user of users) {
    await user.say('EHLO c');
    expect(await user.say(`AUTH PLAIN ${btoa('\0ann\0secret')}`)).toMatch(/^235/);
  }
  const stranger = await connect(2);
  expect((await connect(3)).code).toBe('220');
  expect(await stranger.rest()).toBe(LET_GO);
  for (const user of users) expect(await user.say('NOOP')).toMatch(/^250/);
  // The client with four still has more than any other: one of its users is let go for a third client.
  expect((await connect(4)).code).toBe('220');
});

test('a full listener makes room among its connections, and takes none of another listener', async () => {
  const { connect, log } = await full({
    listeners: [
      { ...LISTENERS[0], limits: { maxConnections: 2 } },
      { name: 'lan', host: '127.0.0.1', port: 0 },
    ] as ServerOptions['listeners'] & object,
  });
  for (let number = 0; number < 5; number += 1) await connect(2, 'lan');
  const first = await connect(3);
  const second = await connect(3);
  expect((await connect(4)).code).toBe('220');
  expect(await first.rest()).toBe(LET_GO);
  expect((await connect(5)).code).toBe('421');
  expect(await second.say('NOOP')).toMatch(/^250/);
  expect(log.of('connection-shed')).toHaveLength(1);
});
