// The end of `close({ drain })`: every session that is left hears 421, whatever it is doing.
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { SmtpServer } from '../../src/server/index.ts';
import { EventLog } from '../support/events.ts';
import { TestClient } from '../support/smtp-client.ts';
import { ENVELOPE, everyListener, makeHeldHook, startScene } from '../support/smtp-scene.ts';
import { startServer } from '../support/smtp-server.ts';

/** All that the client hears: one line. */
const ONLY_421 = /^421 4\.3\.2 [^\n]*\n$/;

const scenes: readonly (readonly [
  where: string,
  listener: 'mx' | 'smtps',
  lines: readonly string[],
  half: string,
  discarded: readonly string[],
])[] = [
  ['after RCPT', 'mx', ENVELOPE, '', []],
  ['within AUTH', 'mx', ['EHLO client.example', 'AUTH LOGIN'], 'dXNl', []],
  ['in data', 'mx', [...ENVELOPE, 'DATA'], 'half', ['closing']],
  ['in data in TLS', 'smtps', [...ENVELOPE, 'DATA'], 'half', ['closing']],
  ['in a chunk', 'mx', ENVELOPE, 'BDAT 10 LAST\r\nhalf', ['closing']],
  ['between two chunks', 'mx', [...ENVELOPE, 'BDAT 2\r\n'], '', ['closing']],
  ['in a refused chunk', 'mx', ['EHLO client.example', 'BDAT 10 LAST\r\nhalf'], '', []],
];

test.each(scenes)(
  'a session that is %s at the deadline hears 421 and is closed',
  async (_, listener, lines, half, discarded) => {
    const { client, server, log } = await startScene(listener, lines);
    client.send(half);
    const closed = server.close({ drain: 0.1 });
    expect(await client.rest()).toMatch(ONLY_421);
    expect(client.error).toBeUndefined();
    expect(await closed).toEqual({ cut: 1 });
    expect(log.of('message-discarded').map(({ cause }) => cause)).toEqual(discarded);
    expect(log.of('message-accepted')).toEqual([]);
    expect(log.of('connection-closed')).toMatchObject([{ cause: 'closing' }]);
  },
);

test.each<[string, readonly string[], string]>([
  ['onHelo', [], ENVELOPE[0]],
  ['onRecipient', ENVELOPE.slice(0, 2), ENVELOPE[2]],
])(
  'a session that waits for %s at the deadline hears 421 in place of its answer',
  async (name, lines, last) => {
    const held = makeHeldHook();
    const { client, server, log } = await startScene('mx', lines, (created) => {
      if (name === 'onHelo') created.onHelo(held.hook);
      else created.onRecipient(held.hook).onMail(() => {});
    });
    client.send(`NOOP\r\n${last}\r\nNOOP\r\n`);
    await held.asked;
    const closed = server.close({ drain: 0.1 });
    expect(await client.rest()).toMatch(/^250 [^\n]*\n421 4\.3\.2 [^\n]*\n$/);
    expect(await closed).toEqual({ cut: 1 });
    held.release();
    await setTimeout(20);
    expect(log.of('failure')).toEqual([]);
  },
);

test('a message that is being opened at the deadline is discarded when it is open', async () => {
  const held = makeHeldHook();
  const discarded = Promise.withResolvers<string>();
  const commit = (): never => {
    throw new Error('expected no commit');
  };
  const openMessage = async () => {
    await held.hook();
    return {
      kind: 'accept',
      writer: { write: () => true, commit, discard: discarded.resolve },
    } as const;
  };
  const { client, server } = await startScene('mx', ENVELOPE, () => {}, { openMessage });
  client.send('DATA\r\n');
  await held.asked;
  const closed = server.close({ drain: 0.1 });
  expect(await client.rest()).toMatch(ONLY_421);
  expect(await closed).toEqual({ cut: 1 });
  held.release();
  expect(await discarded.promise).toBe('aborted');
});

test('a session whose commit is under way at the deadline hears 421 and no 250; the commit goes on', async () => {
  const held = makeHeldHook();
  const lines = [...ENVELOPE, 'DATA'];
  const { client, server, log } = await startScene('mx', lines, (created) => {
    created.onMail(held.hook);
  });
  client.send('hi\r\n.\r\n');
  await held.asked;
  // The hook is called before the end of the data.
  await setTimeout(100);
  const closed = server.close({ drain: 0.1 });
  expect(await client.rest()).toMatch(ONLY_421);
  expect(await closed).toEqual({ cut: 1 });
  expect(log.of('message-accepted')).toEqual([]);
  held.release();
  await log.next('message-accepted');
  expect(log.of('message-discarded')).toEqual([]);
  expect(log.of('failure')).toEqual([]);
});

test('a client whose 250 is decided at the deadline hears 250 before 421', async () => {
  const log = new EventLog();
  const server: SmtpServer = new SmtpServer({
    observe: (event) => {
      log.observe(event);
      if (event.kind === 'message-accepted') void server.close({ drain: 0 });
    },
  });
  server.onMail(async () => setTimeout(10));
  await server.listen();
  const client = await TestClient.connect(server.addresses[0]?.port ?? 0);
  await client.openMessage();
  client.send('hi\r\n.\r\n');
  expect(await client.rest()).toMatch(/^250 2\.0\.0 [^\n]*\n421 4\.3\.2 [^\n]*\n$/);
  expect(await server.close()).toEqual({ cut: 0 });
});

test('a connection whose connect hooks are asked at the deadline is greeted with 421', async () => {
  const held = makeHeldHook();
  const { server, portOf, log } = await startServer(await everyListener(), (created) => {
    created.onSignIn(() => true).onConnect(held.hook);
  });
  const clear = await TestClient.connect(portOf('mx'));
  const secured = await TestClient.connectTls(portOf('smtps'));
  await log.next('tls-established');
  await held.asked;
  const closed = server.close({ drain: 0.1 });
  expect(await clear.rest()).toMatch(ONLY_421);
  expect(await secured.rest()).toMatch(ONLY_421);
  expect(await closed).toEqual({ cut: 2 });
  held.release();
  await setTimeout(20);
  expect(log.of('failure')).toEqual([]);
});

test.each(['submission', 'smtps'])(
  'a connection of %s whose secured hooks are asked at the deadline hears 421 in TLS',
  async (listener) => {
    const held = makeHeldHook();
    const { server, portOf, log } = await startServer(await everyListener(), (created) => {
      created.onSignIn(() => true).onSecured(held.hook);
    });
    const port = portOf(listener);
    const isImplicit = listener === 'smtps';
    const client = isImplicit ? await TestClient.connectTls(port) : await TestClient.connect(port);
    if (!isImplicit) {
      await client.reply();
      await client.say('EHLO client.example');
      await client.startTls();
    }
    await held.asked;
    const closed = server.close({ drain: 0.1 });
    expect(await client.rest()).toMatch(ONLY_421);
    expect(await closed).toEqual({ cut: 1 });
    held.release();
    await setTimeout(20);
    expect(log.of('failure')).toEqual([]);
  },
);

test.each(['submission', 'smtps'])(
  'a connection of %s in its handshake at the deadline is closed without a word, and no handshake failed',
  async (listener) => {
    const { server, portOf, log } = await startServer(await everyListener(), (created) => {
      created.onSignIn(() => true);
    });
    const client = await TestClient.connect(portOf(listener));
    if (listener === 'submission') {
      await client.reply();
      await client.sayAll('EHLO client.example', 'STARTTLS');
    }
    await log.next('connection-opened');
    const closed = server.close({ drain: 0.1 });
    expect(await client.rest()).toBe('');
    expect(await closed).toEqual({ cut: 0 });
    expect(log.of('tls-failed')).toEqual([]);
    expect(log.of('connection-closed')).toMatchObject([{ cause: 'closing' }]);
  },
);

test('a client that sends a message without reading hears 421 when it reads', async () => {
  const { client, server } = await startScene('mx', [...ENVELOPE, 'DATA']);
  const closed = server.close({ drain: 0.1 });
  client.socket.pause();
  await setTimeout(200);
  const sent = Promise.withResolvers<void>();
  client.socket.write(Buffer.alloc(4_000_000, 'line\r\n'), () => sent.resolve());
  await sent.promise;
  client.socket.resume();
  expect(await client.rest()).toMatch(ONLY_421);
  expect(client.error).toBeUndefined();
  expect(await closed).toEqual({ cut: 1 });
});

test('a client that does not close its side at the deadline is waited for about a second', async () => {
  const { client, server } = await startScene('mx', ENVELOPE);
  const begun = performance.now();
  expect(await server.close({ drain: 0 })).toEqual({ cut: 1 });
  expect(performance.now() - begun).toBeLessThan(4000);
  expect(await client.rest()).toMatch(ONLY_421);
});
