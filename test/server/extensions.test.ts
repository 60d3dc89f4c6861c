import { expect, test } from 'vitest';
import { TestClient } from '../support/smtp-client.ts';
import { makeKeeper, startServer } from '../support/smtp-server.ts';

async function ehlo(port: number): Promise<string> {
  const client = await TestClient.connect(port);
  await client.reply();
  const reply = await client.say('EHLO c');
  client.destroy();
  return reply;
}

test('a listener offers what it was told to', async () => {
  const { portOf } = await startServer({
    limits: { maxMessageSize: 123_456, maxRecipientDomains: 3 },
    listeners: [
      { name: 'default', host: '127.0.0.1', port: 0 },
      {
        name: 'bare',
        host: '127.0.0.1',
        port: 0,
        smtpUtf8: false,
        extensions: { chunking: false, dsn: false, limits: false },
        limits: { maxMessageSize: 1000 },
      },
      { name: 'rich', host: '127.0.0.1', port: 0, extensions: { mtPriority: true } },
    ],
  });
  const usual = await ehlo(portOf('default'));
  for (const keyword of ['SIZE 123456', 'CHUNKING', 'DSN', 'SMTPUTF8', 'RCPTDOMAINMAX=3']) {
    expect(usual).toContain(keyword);
  }
  expect(usual).not.toContain('MT-PRIORITY');
  const bare = await ehlo(portOf('bare'));
  for (const keyword of ['CHUNKING', 'DSN', 'SMTPUTF8', 'LIMITS']) {
    expect(bare).not.toContain(keyword);
  }
  expect(bare).toContain('SIZE 1000');
  expect(await ehlo(portOf('rich'))).toContain('MT-PRIORITY');
});

const ENDS = [
  ['none', undefined, '550 5.6.11', undefined],
  ['optional', undefined, '250 2.0.0', 'a\r\n.\r\nb\r\nc\r\n'],
  ['required', undefined, '250 2.0.0', 'a\r\n.\r\nb\r\nc\r\n'],
  ['none', 'normalize', '250 2.0.0', 'a\r\n.\r\nb\r\nc\r\n'],
  ['none', 'accept', '250 2.0.0', 'a\n.\nb\rc\r\n'],
  ['required', 'reject', '550 5.6.11', undefined],
] as const;

test.each(ENDS)(
  'auth %s with bareNewline %s answers a bare newline %s',
  async (auth, bareNewline, code, stored) => {
    const { kept, keep } = makeKeeper();
    const listener = {
      ...{ name: 'mx', host: '127.0.0.1', port: 0, auth, allowInsecureAuth: true },
      ...(bareNewline !== undefined && { bareNewline }),
    };
    const { port } = await startServer({ listeners: [listener] }, (server) => {
      keep(server);
      server.onSignIn(() => true);
    });
    expect((await ehlo(port)).includes('BINARYMIME')).toBe(bareNewline === 'accept');
    const client = await TestClient.connect(port);
    await client.reply();
    await client.say('EHLO c');
    if (auth !== 'none') await client.say('AUTH PLAIN AGEAYg==');
    await client.sayAll('MAIL FROM:<>', 'RCPT TO:<b@example.com>', 'DATA');
    expect((await client.say('a\n.\nb\rc\r\n.')).slice(0, code.length)).toBe(code);
    expect(kept.get('b@example.com')?.toString()).toBe(stored);
    client.destroy();
  },
);

test('a message in chunks is one message', async () => {
  const { kept, keep } = makeKeeper();
  const { port, log } = await startServer({}, keep);
  const client = await TestClient.connect(port);
  await client.reply();
  await client.sayAll('EHLO c', 'MAIL FROM:<>', 'RCPT TO:<b@example.com>');
  client.send('BDAT 6\r\n.\r\n.\r\n').send('BDAT 3 LAST\r\nend');
  expect(await client.reply()).toMatch(/^250 /);
  expect(await client.reply()).toMatch(/^250 2\.0\.0 Ok: queued/);
  expect(kept.get('b@example.com')?.toString()).toBe('.\r\n.\r\nend');
  expect(await log.next('message-accepted')).toMatchObject({ sizeInOctets: 9 });
  client.destroy();
});

test('a message of which a chunk never comes times out and is discarded', async () => {
  const { port, log } = await startServer({ limits: { dataTimeoutSeconds: 0.1 } });
  const client = await TestClient.connect(port);
  await client.reply();
  await client.sayAll('EHLO c', 'MAIL FROM:<>', 'RCPT TO:<b@example.com>');
  client.send('BDAT 3\r\nabc');
  expect(await client.reply()).toMatch(/^250 /);
  expect(await client.rest()).toMatch(/^421 4\.4\.2 /);
  expect(await log.next('message-discarded')).toMatchObject({ cause: 'aborted' });
});

test('XCLIENT is believed from where it is trusted, and nowhere else', async () => {
  const { portOf, log } = await startServer({
    listeners: [
      { name: 'trusting', host: '127.0.0.1', port: 0, trustedXclients: ['127.0.0.0/8'] },
      { name: 'wary', host: '127.0.0.1', port: 0, trustedXclients: ['10.0.0.0/8', '::1'] },
    ],
  });
  const wary = await TestClient.connect(portOf('wary'));
  await wary.reply();
  expect(await wary.say('EHLO proxy')).not.toContain('XCLIENT');
  expect(await wary.say('XCLIENT ADDR=203.0.113.7')).toMatch(/^5/);
  wary.destroy();

  const client = await TestClient.connect(portOf('trusting'));
  await client.reply();
  expect(await client.say('EHLO proxy')).toContain('XCLIENT');
  expect(await client.say('XCLIENT ADDR=203.0.113.7 PORT=1234')).toMatch(/^220 /);
  expect(
    await client.sayAll('EHLO c', 'MAIL FROM:<>', 'RCPT TO:<b@example.com>', 'DATA', 'hi\r\n.'),
  ).toBe('250 250 250 354 250');
  const { message } = await log.next('message-accepted');
  expect(message.session).toMatchObject({ clientAddress: '203.0.113.7', clientPort: 1234 });
  client.destroy();
});
