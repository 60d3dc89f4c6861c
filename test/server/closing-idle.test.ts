// `close({ idle })`: a client that is silent within a transaction or an exchange does not hold up the closing.
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { SmtpServer } from '../../src/server/index.ts';
import { TestClient } from '../support/smtp-client.ts';
import { ENVELOPE, startScene } from '../support/smtp-scene.ts';
import { startServer } from '../support/smtp-server.ts';

/** The server looks at its connections four times within its shortest timeout. */
const OFTEN = { limits: { answerTimeoutSeconds: 0.4 } };
const accept = (): void => {};

test.each<[string, 'mx' | 'smtps', readonly string[], string]>([
  ['after MAIL', 'mx', ENVELOPE.slice(0, 2), ''],
  ['after RCPT', 'mx', ENVELOPE, ''],
  ['in half a command', 'mx', ENVELOPE, 'DAT'],
  ['within AUTH', 'mx', ['EHLO client.example', 'AUTH LOGIN'], ''],
  ['after RCPT in TLS', 'smtps', ENVELOPE, ''],
  ['between two chunks', 'mx', [...ENVELOPE, 'BDAT 2\r\n'], ''],
  ['in a refused chunk', 'mx', ['EHLO client.example', 'BDAT 10 LAST\r\nhalf'], ''],
])(
  'a client that is silent %s hears 421 long before the deadline',
  async (where, listener, lines, half) => {
    const prepare = (created: SmtpServer): void => void created.onMail(accept);
    const { client, server, log } = await startScene(listener, lines, prepare, OFTEN);
    client.send(half);
    const closed = server.close({ drain: 600, idle: 0.1 });
    expect(await client.rest()).toMatch(/^421 4\.3\.2 [^\n]*\n$/);
    expect(await closed).toEqual({ cut: 0 });
    const discarded = where === 'between two chunks' ? ['closing'] : [];
    expect(log.of('message-discarded').map(({ cause }) => cause)).toEqual(discarded);
    expect(log.of('connection-closed')).toMatchObject([{ cause: 'ended' }]);
  },
);

test('a client that goes on with its transaction is not interrupted, nor one that is silent in data', async () => {
  const prepare = (created: SmtpServer): void => void created.onMail(accept);
  const { client, server } = await startScene('mx', ENVELOPE, prepare, OFTEN);
  const closed = server.close({ drain: 600, idle: 1 });
  for (let times = 0; times < 5; times++) {
    await setTimeout(300);
    expect(await client.say('RCPT TO:<c@example.com>')).toMatch(/^250 /);
  }
  expect(await client.say('DATA')).toMatch(/^354 /);
  await setTimeout(1500);
  expect(await client.say('hi\r\n.')).toMatch(/^250 /);
  expect(await client.rest()).toMatch(/^421 4\.3\.2 /);
  expect(await closed).toEqual({ cut: 0 });
});

test('a client that the server does not read, because the writer asked for a pause, is not silent', async () => {
  let resume = (): void => {};
  const { promise: paused, resolve: pause } = Promise.withResolvers<void>();
  const write = (): boolean => {
    pause();
    return false;
  };
  const writer = { write, commit: () => ({ code: 250, text: 'Ok' }), discard: () => {} };
  const { client, server } = await startScene('mx', [...ENVELOPE, 'BDAT 2\r\n'], () => {}, {
    limits: { dataTimeoutSeconds: 0.4, minDataRate: 0 },
    openMessage: (_, resumed) => {
      resume = resumed;
      return { kind: 'accept', writer };
    },
  });
  await paused;
  const closed = server.close({ drain: 600, idle: 0 });
  client.send('BDAT 2 LAST\r\n\r\n');
  await setTimeout(600);
  expect(client.unread).toBe('');
  resume();
  expect(await client.reply()).toBe('250 Ok');
  expect(await client.rest()).toMatch(/^421 4\.3\.2 /);
  expect(await closed).toEqual({ cut: 0 });
});

test('a second call can only shorten the silence that is granted', async () => {
  const prepare = (created: SmtpServer): void => void created.onMail(accept);
  const { client, server } = await startScene('mx', ENVELOPE, prepare, OFTEN);
  void server.close({ drain: 600, idle: 0.1 });
  void server.close({ drain: 600, idle: 600 });
  expect(await client.rest()).toMatch(/^421 4\.3\.2 /);
});

test('a session that has reached its age is ended between two transactions, silent or not', async () => {
  const { port } = await startServer({ limits: { sessionSeconds: 0.1 } });
  const client = await TestClient.connect(port);
  await client.reply();
  await client.sayAll(...ENVELOPE);
  await setTimeout(500);
  expect(client.unread).toBe('');
  client.send('RSET\r\n');
  expect(await client.rest()).toMatch(/^250 .*\r\n421 4\.3\.2 /);
});
