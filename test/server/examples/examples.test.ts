import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { expect, test } from 'vitest';
import { makeCertificate } from '../../support/certificates.ts';
import { TestClient } from '../../support/smtp-client.ts';
import { makeFolder, programs, run, typeCheck, writeProgram } from './examples.ts';

interface Sent {
  readonly to?: string;
  readonly text?: string;
  readonly attachment?: string;
  readonly auth?: { user: string; pass: string };
}

/** Sends a mail as nodemailer does; gives the last reply, or the refusal. */
async function send(port: number, { to = 'b@example.com', text = 'hi', ...more }: Sent = {}) {
  const transport = createTransport({
    host: '127.0.0.1',
    port,
    tls: { rejectUnauthorized: false },
    ...(more.auth && { auth: more.auth }),
  });
  try {
    const { response } = await transport.sendMail({
      from: 'a@example.com',
      to,
      subject: 'A test',
      text,
      ...(more.attachment !== undefined && {
        attachments: [{ filename: more.attachment, content: 'x' }],
      }),
    });
    return response;
  } catch (error) {
    if (error instanceof Error && 'response' in error) return String(error.response);
    throw error;
  } finally {
    transport.close();
  }
}

test('the page has twelve programs', () => {
  expect([...programs.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test('every program on the page satisfies the compiler as strictly as our own code', async () => {
  const folder = makeFolder();
  for (const number of programs.keys()) writeProgram(number, folder);
  expect(await typeCheck(folder)).toBe('');
});

test('1: the plain receiver prints who wrote what', async () => {
  const example = await run(1);
  expect(await send(example.port)).toMatch(/^250 2\.0\.0 Ok: queued as /);
  await example.prints('a@example.com wrote "A test": hi');
});

test('2: the loop accepts and rejects', async () => {
  const { port } = await run(2);
  expect(await send(port, { text: 'please' })).toMatch(/^250 /);
  expect(await send(port, { text: 'now' })).toBe('550 5.7.1 Say please');
});

test('3: the table decides who signs in', async () => {
  const { cert, key } = await makeCertificate();
  const folder = makeFolder();
  writeFileSync(join(folder, 'crt'), cert);
  writeFileSync(join(folder, 'key'), key);
  const example = await run(3, { CERT: join(folder, 'crt'), KEY: join(folder, 'key') });
  const { port } = example;
  expect(await send(port, { auth: { user: 'ann', pass: 'wrong' } })).toMatch(/^535 5\.7\.8 /);
  expect(await send(port, { auth: { user: 'bob', pass: 'x' } })).toMatch(/^535 5\.7\.8 /);
  const auth = { user: 'ann', pass: 'correct horse battery staple' };
  expect(await send(port, { auth })).toMatch(/^250 /);
  await example.prints('ann sends to 1');
});

test('4: the policy answers for each recipient', async () => {
  const example = await run(4);
  const { port } = example;
  expect(await send(port, { to: 'Sales@example.com' })).toMatch(/^250 /);
  await example.prints('for Sales@example.com');
  expect(await send(port, { to: 'archive@example.com' })).toMatch(/^452 4\.2\.2 /);
  expect(await send(port, { to: 'nobody@example.com' })).toMatch(/^550 5\.1\.1 /);
  expect(await send(port, { to: 'b@example.net' })).toBe('550 5.7.1 No relaying for 127.0.0.1');
});

test('5: the folder holds whole mails only', async () => {
  const folder = makeFolder();
  const { port } = await run(5, { FOLDER: folder });
  const broken = await TestClient.connect(port);
  await broken.openMessage();
  broken.send('half a mail').reset();
  const client = await TestClient.connect(port);
  await client.openMessage();
  const reply = await client.send('Subject: x\r\n\r\n..dots\r\n.\r\n').reply();
  client.destroy();
  const id = /queued as (\S+)/.exec(reply)?.[1];
  await expect.poll(() => readdirSync(folder)).toEqual([`${id}.eml`]);
  expect(readFileSync(join(folder, `${id}.eml`), 'utf8')).toBe('Subject: x\r\n\r\n.dots\r\n');
});

test('6: LMTP answers each recipient', async () => {
  const { port } = await run(6);
  const client = await TestClient.connect(port);
  await client.reply();
  await client.sayAll(
    'LHLO c',
    'MAIL FROM:<>',
    'RCPT TO:<full@example.com>',
    'RCPT TO:<b@example.com>',
  );
  await client.say('DATA');
  client.send('hi\r\n.\r\n');
  expect(await client.reply()).toBe('452 4.2.2 full@example.com is full');
  expect(await client.reply()).toBe('250 2.1.5 Delivered to b@example.com');
  client.destroy();
});

test('7: the client behind the proxy is known', async () => {
  const example = await run(7);
  const client = await TestClient.connect(example.port);
  client.send('PROXY TCP4 203.0.113.7 192.0.2.1 54004 25\r\n');
  await client.openMessage();
  expect(await client.send('hi\r\n.\r\n').reply()).toMatch(/^250 /);
  await example.prints('a mail from 203.0.113.7 by the proxy 127.0.0.1');
  client.destroy();
});

test('8: each name has its certificate, and they are replaced on SIGHUP', async () => {
  const folder = makeFolder();
  const write = async (name: string, subject: string): Promise<void> => {
    const { cert, key } = await makeCertificate({ names: [subject] });
    writeFileSync(join(folder, `${name}.crt`), cert);
    writeFileSync(join(folder, `${name}.key`), key);
  };
  await write('one', 'one.example.com');
  await write('two', 'two.example.com');
  const example = await run(8, { FOLDER: folder });
  const subjectFor = async (servername: string): Promise<string | undefined> => {
    const client = await TestClient.connectTls(example.port, { servername });
    const subject = client.tlsSocket.getPeerX509Certificate()?.subject;
    client.destroy();
    return subject;
  };
  expect(await subjectFor('two.example.com')).toBe('CN=two.example.com');
  expect(await subjectFor('three.example.com')).toBe('CN=one.example.com');
  await write('two', 'three.example.com');
  example.signal('SIGHUP');
  await example.prints('certificates replaced');
  expect(await subjectFor('three.example.com')).toBe('CN=three.example.com');
  writeFileSync(join(folder, 'two.key'), 'nonsense');
  example.signal('SIGHUP');
  await example.prints('expected a private key in PEM');
  expect(await subjectFor('three.example.com')).toBe('CN=three.example.com');
});

test('9: the content decides', async () => {
  const { port } = await run(9);
  expect(await send(port, { attachment: 'a.txt' })).toMatch(/^250 /);
  expect(await send(port, { attachment: 'a.exe' })).toBe('550 5.7.1 We take no a.exe');
});

test('10: SIGTERM drains', async () => {
  const example = await run(10);
  const idle = await TestClient.connect(example.port);
  await idle.reply();
  const busy = await TestClient.connect(example.port);
  await busy.openMessage();
  example.signal('SIGTERM');
  expect(await idle.rest()).toMatch(/^421 4\.3\.2 /);
  expect(await busy.send('hi\r\n.\r\n').reply()).toMatch(/^250 /);
  expect(await busy.rest()).toMatch(/^421 4\.3\.2 /);
  await example.prints('closed, 0 cut');
  expect(await example.exited).toBe(0);
});

test('11: a chain shares the state of its session', async () => {
  const example = await run(11);
  expect(await send(example.port, { to: 'Ann@example.com' })).toMatch(/^250 /);
  const client = await TestClient.connect(example.port);
  await client.reply();
  const wrong = 'RCPT TO:<nobody@example.com>';
  expect(await client.sayAll('EHLO c', 'MAIL FROM:<>', wrong)).toBe('250 250 550');
  expect(
    await client.sayAll('RCPT TO:<ann@example.com>', 'RCPT TO:<bob@example.com>', 'DATA'),
  ).toBe('250 250 550');
  expect(await client.sayAll('MAIL FROM:<>', 'RCPT TO:<ann@example.com>', 'DATA', '.')).toBe(
    '250 250 354 250',
  );
  await example.prints('a mail after 1 wrong guesses');
  expect(await client.sayAll('MAIL FROM:<>', wrong)).toBe('250 550');
  client.send(`${wrong}\r\n`);
  expect(await client.rest()).toBe('421 4.7.1 Too many unknown mailboxes\r\n');
});

test('12: a connection is handed over', async () => {
  const example = await run(12);
  expect(await send(example.port)).toMatch(/^250 /);
  await example.prints('a mail from 127.0.0.1');
});
