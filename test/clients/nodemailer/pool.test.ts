// A pool of connections as nodemailer's documentation describes it: `maxConnections`, `maxMessages`, `rateLimit`, requeueing.
import { setTimeout as sleep } from 'node:timers/promises';
import type { SMTPPoolOptions } from 'nodemailer/lib/smtp-pool';
import { describe, expect, test } from 'vitest';
import { MAIL, outcome, Scene, type Serving } from './scene.ts';

/** Sends so many mails at once, each with its number as the recipient; gives their outcomes. */
function sendAll(pool: ReturnType<Scene['pool']>, count: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, (_, at) =>
      outcome(pool.sendMail({ ...MAIL, to: `${at}@example.com` })),
    ),
  );
}

/** The recipients of the mails that arrived, in the order of their numbers. */
const numbersOf = ({ arrived }: Scene): number[] =>
  arrived
    .flatMap(({ envelope }) => envelope.recipients)
    .map(({ forwardPath }) => Number(forwardPath.localPart))
    .toSorted((one, other) => one - other);

interface Case extends Serving {
  readonly name: string;
  readonly pool: SMTPPoolOptions;
  readonly mails: number;
  /** The most connections at one time, and how many there were in all. */
  readonly atOnce: number;
  readonly inAll: number;
}

const cases: readonly Case[] = [
  {
    name: 'one connection',
    pool: { maxConnections: 1 },
    mails: 20,
    atOnce: 1,
    inAll: 1,
  },
  { name: 'three connections', pool: { maxConnections: 3 }, mails: 30, atOnce: 3, inAll: 3 },
  {
    name: 'maxMessages: a new connection after two mails',
    pool: { maxConnections: 1, maxMessages: 2 },
    mails: 10,
    atOnce: 2,
    inAll: 5,
  },
  {
    name: 'rateLimit',
    pool: { maxConnections: 2, rateLimit: 4, rateDelta: 50 },
    mails: 20,
    atOnce: 2,
    inAll: 2,
  },
  {
    name: 'STARTTLS and one sign-in for each connection',
    listener: { tls: 'starttls', auth: 'required' },
    prepare: (server) => void server.onSignIn(() => true),
    pool: { maxConnections: 2, requireTLS: true, auth: { user: 'ann', pass: 'right' } },
    mails: 20,
    atOnce: 2,
    inAll: 2,
  },
  {
    name: 'implicit TLS',
    listener: { tls: 'implicit' },
    pool: { maxConnections: 2, secure: true },
    mails: 20,
    atOnce: 2,
    inAll: 2,
  },
  {
    name: 'LMTP',
    listener: { protocol: 'lmtp' },
    pool: { maxConnections: 2, lmtp: true },
    mails: 20,
    atOnce: 2,
    inAll: 2,
  },
  {
    name: 'the server answers 421 after three mails of a session (maxMessages): the pool sends the mail again',
    options: { limits: { maxMessages: 3 } },
    pool: { maxConnections: 1 },
    mails: 9,
    atOnce: 2,
    inAll: 3,
  },
];

describe('a pool', () => {
  test.for(cases)('$name', async ({ pool: options, mails, atOnce, inAll, ...serving }) => {
    const scene = await Scene.start(serving);
    const outcomes = await sendAll(scene.pool(options), mails);
    expect(outcomes).toEqual(Array.from({ length: mails }, () => '250 2.0.0'));
    expect(numbersOf(scene)).toEqual(Array.from({ length: mails }, (_, at) => at));
    const counts = scene.log.of('connection-opened').map(({ connections }) => connections);
    expect(Math.max(...counts)).toBeLessThanOrEqual(atOnce);
    expect(counts).toHaveLength(inAll);
    expect(scene.log.of('note').filter(({ note }) => note.kind === 'signed-in')).toHaveLength(
      options.auth ? inAll : 0,
    );
  });

  test('more connections than the server takes from one address: the others send everything', async () => {
    const scene = await Scene.start({ options: { limits: { maxConnectionsPerAddress: 2 } } });
    const pool = scene.pool({ maxConnections: 4 });
    const outcomes = await sendAll(pool, 30);
    const refused = outcomes.filter((each) => each !== '250 2.0.0');
    expect(new Set(refused)).toEqual(new Set(['EPROTOCOL at CONN: 421 4.7.0']));
    expect(numbersOf(scene)).toHaveLength(30 - refused.length);
  });

  test('an idle connection that the server has ended: the next mail gets a new one', async () => {
    const scene = await Scene.start({ options: { limits: { commandTimeoutSeconds: 0.2 } } });
    const pool = scene.pool({ maxConnections: 1 });
    expect(await sendAll(pool, 1)).toEqual(['250 2.0.0']);
    await scene.log.next('connection-closed');
    expect(await sendAll(pool, 1)).toEqual(['250 2.0.0']);
    expect(scene.sessions).toBe(2);
  });

  test('idleTimeout: the client says QUIT', async () => {
    const scene = await Scene.start();
    const pool = scene.pool({ maxConnections: 1, idleTimeout: 50 });
    expect(await sendAll(pool, 1)).toEqual(['250 2.0.0']);
    expect(await scene.log.next('connection-closed')).toMatchObject({
      cause: 'ended',
      messages: 1,
    });
  });

  test('close() while mails are under way: each has arrived or has failed', async () => {
    const scene = await Scene.start({ prepare: (server) => void server.onSender(() => sleep(20)) });
    const pool = scene.pool({ maxConnections: 2 });
    const sending = sendAll(pool, 10);
    await scene.log.next('message-accepted');
    pool.close();
    const outcomes = await sending;
    expect(outcomes.filter((each) => each === '250 2.0.0')).toHaveLength(scene.arrived.length);
    expect(scene.arrived.length).toBeLessThan(10);
  });

  test('the server closes: mails in progress are answered, the others fail and can be sent again', async () => {
    const scene = await Scene.start({ prepare: (server) => void server.onMail(() => sleep(50)) });
    const pool = scene.pool({ maxConnections: 2, maxRequeues: 1 });
    const sending = sendAll(pool, 10);
    await scene.log.next('message-accepted');
    expect(await scene.server.close({ drain: 20 })).toEqual({ cut: 0 });
    const outcomes = await sending;
    expect(outcomes.filter((each) => each === '250 2.0.0')).toHaveLength(scene.arrived.length);
    // Turned away by a 421 while the server drains, or by the system once it has closed.
    for (const each of outcomes) expect(each).toMatch(/^250 2\.0\.0$| 421 4\.3\.2$|ECONNREFUSED/);
  });

  test('sessions that the server ends one by one: the pool sends everything in others', async () => {
    const scene = await Scene.start({
      prepare: (server) =>
        void server.onClose(() => {
          for (const each of server.sessions) each.end();
        }),
    });
    const pool = scene.pool({ maxConnections: 2, maxMessages: 3, maxRequeues: -1 });
    const outcomes = await sendAll(pool, 20);
    // A mail whose commit was in progress arrives too, and its client hears 421 and sends it again.
    const accepted = outcomes.flatMap((each, at) => (each === '250 2.0.0' ? [at] : []));
    expect(numbersOf(scene)).toEqual(expect.arrayContaining(accepted));
    for (const each of outcomes) expect(each).toMatch(/^250 2\.0\.0$|421 4\.\d\.\d$/);
    expect(scene.sessions).toBeGreaterThan(2);
  });

  test('a mail that is refused does not end the connection of the next one', async () => {
    const scene = await Scene.start({
      prepare: (server) =>
        void server.onMail(async ({ mail, reply }) => {
          const { subject } = await mail.parse();
          return subject === 'spam' ? reply(550, '7.1', 'No') : undefined;
        }),
    });
    const pool = scene.pool({ maxConnections: 1 });
    const subjects = ['one', 'spam', 'two', 'spam', 'three'];
    const outcomes = await Promise.all(
      subjects.map((subject) => outcome(pool.sendMail({ ...MAIL, subject }))),
    );
    expect(outcomes).toEqual(
      subjects.map((each) => (each === 'spam' ? 'EMESSAGE at DATA: 550 5.7.1' : '250 2.0.0')),
    );
    expect(scene.sessions).toBe(1);
  });
});
