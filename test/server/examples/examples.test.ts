import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createTransport } from 'nodemailer';
import { describe, expect, onTestFinished, test } from 'vitest';
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

test('the page has sixteen programs', () => {
  expect([...programs.keys()]).toEqual(Array.from({ length: 16 }, (_, at) => at + 1));
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

test('11: the routes take their mails, and a client that sends too many waits', async () => {
  const example = await run(11, { PER_MINUTE: '3' });
  const { port } = example;
  expect(await send(port, { to: 'Tickets@example.com' })).toMatch(/^250 /);
  await example.prints('ticket A test');
  expect(await send(port, { to: 'nobody@example.com' })).toBe('550 5.1.1 No such mailbox');
  expect(await send(port, { to: 'subscribe@lists.example.com' })).toMatch(/^250 /);
  await example.prints('subscribe a@example.com');
  expect(await send(port, { to: 'tickets@example.com' })).toMatch(/^450 4\.7\.1 Too many mails/);
});

test('12: a connection is handed over', async () => {
  const example = await run(12);
  expect(await send(example.port)).toMatch(/^250 /);
  await example.prints('a mail from 127.0.0.1');
});

test('13: a session that guesses addresses ends, and each session has its own count', async () => {
  const example = await run(13);
  const client = await TestClient.connect(example.port);
  await client.reply();
  await client.sayAll('EHLO c', 'MAIL FROM:<a@example.com>');
  expect(await client.say('RCPT TO:<one@example.com>')).toBe('550 5.1.1 No such mailbox');
  expect(await client.say('RCPT TO:<two@example.com>')).toBe('550 5.1.1 No such mailbox');
  expect(await client.say('RCPT TO:<three@example.com>')).toMatch(/^421 4\.7\.1 Too many unknown/);
  expect(await client.rest()).toBe('');
  await example.prints('127.0.0.1 guessed 3');
  expect(await send(example.port, { to: 'sales@example.com' })).toMatch(/^250 /);
  await example.prints('a mail, after 0 guesses');
});

test('14: a mail without room is refused in place of the 354, and one that declares no size after it', async () => {
  const example = await run(14);
  const client = await TestClient.connect(example.port);
  await client.reply();
  await client.say('EHLO c');
  const begin = async (parameters: string, to: string): Promise<string> => {
    await client.sayAll(`MAIL FROM:<a@example.com>${parameters}`, `RCPT TO:<${to}>`);
    return client.say('DATA');
  };
  const full = '452 4.2.2 full@example.com has no room for 2000 octets';
  expect(await begin(' SIZE=2000', 'full@example.com')).toBe(full);
  await client.say('RSET');
  expect(await begin('', 'full@example.com')).toMatch(/^354 /);
  const refused = await client.send(`${'x'.repeat(2_000)}\r\n.\r\n`).reply();
  expect(refused).toBe('452 4.2.2 A mailbox of the recipients is full');
  expect(await begin(' SIZE=2000', 'b@example.com')).toMatch(/^354 /);
  expect(await client.send('hi\r\n.\r\n').reply()).toMatch(/^250 /);
  await example.prints('4 octets for b@example.com');
  client.destroy();
});

describe('15: each mail goes into the program', () => {
  /** A program that waits until `go` exists, copies its input to `copy` and ends with its first line as the status. */
  const filter = `import { existsSync, writeFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
const [folder] = process.argv.slice(2);
writeFileSync(folder + '/started', String(process.pid));
while (!existsSync(folder + '/go')) await setTimeout(10);
const mail = await buffer(process.stdin);
writeFileSync(folder + '/copy', mail);
process.exit(Number(/^Status: (\\d+)/.exec(mail.toString('latin1', 0, 100))?.[1] ?? 0));
`;

  async function start({ goes = true } = {}) {
    const folder = makeFolder();
    writeFileSync(join(folder, 'filter.mjs'), filter);
    const go = (): void => writeFileSync(join(folder, 'go'), '');
    if (goes) go();
    const PROGRAM = [process.execPath, join(folder, 'filter.mjs'), folder].join(' ');
    const example = await run(15, { PROGRAM });
    const client = await TestClient.connect(example.port);
    await client.openMessage();
    onTestFinished(() => client.destroy());
    return { folder, go, example, client };
  }

  test.each([
    { status: 0, reply: /^250 / },
    { status: 75, reply: /^451 4\.3\.0 Try again later$/ },
    { status: 1, reply: /^550 5\.7\.1 Refused by our filter$/ },
  ])('status $status', async ({ status, reply }) => {
    const { folder, client } = await start();
    const octets = `Status: ${status}\r\n\r\n..dots\r\n`;
    expect(await client.send(`${octets}.\r\n`).reply()).toMatch(reply);
    expect(readFileSync(join(folder, 'copy'), 'latin1')).toBe(octets.replace('..', '.'));
  });

  test('the sender waits while the program does not read', async () => {
    const { folder, go, client } = await start({ goes: false });
    await expect.poll(() => readdirSync(folder), { timeout: 10_000 }).toContain('started');
    const octets = Buffer.alloc(30_000_000, `${'0123456789'.repeat(7)}\r\n`);
    client.send(octets).send('\r\n.\r\n');
    let left: number;
    do {
      left = client.socket.writableLength;
      await sleep(300);
    } while (client.socket.writableLength < left);
    // The rest is in the sockets, the pipe and the server.
    expect(left).toBeGreaterThan(10_000_000);
    go();
    expect(await client.reply()).toMatch(/^250 /);
    expect(readFileSync(join(folder, 'copy')).length).toBe(octets.length + 2);
  });

  test('a client that disconnects ends the program', async () => {
    const { folder, go, example, client } = await start({ goes: false });
    const started = (): string => readFileSync(join(folder, 'started'), 'latin1');
    await expect.poll(started, { timeout: 10_000 }).toMatch(/^\d+$/);
    const pid = Number(started());
    client.send('half a mail').reset();
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
    go();
    const next = await TestClient.connect(example.port);
    await next.openMessage();
    expect(await next.send('whole\r\n.\r\n').reply()).toMatch(/^250 /);
    expect(readFileSync(join(folder, 'copy'), 'latin1')).toBe('whole\r\n');
    next.destroy();
  });

  function isAlive(pid: number): boolean {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  }
});

test('16: the test of a program that sends mail passes', async () => {
  const file = writeProgram(16, makeFolder());
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', file]);
  expect(stdout).toMatch(/^. pass 2$/m);
  expect(stdout).toMatch(/^. fail 0$/m);
});
