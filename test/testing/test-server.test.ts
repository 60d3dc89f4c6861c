// The server for tests of other programs, with a real client.
import { readdirSync, readFileSync } from 'node:fs';
import { createTransport } from 'nodemailer';
import { expect, onTestFinished, test } from 'vitest';
import {
  createTestServer,
  type TestServer,
  type TestServerOptions,
} from '../../src/testing/index.ts';
import { makeCertificate } from '../support/certificates.ts';

async function start(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await createTestServer(options);
  onTestFinished(async () => server.close());
  return server;
}

async function send({ url }: TestServer, mail: object = {}): Promise<void> {
  const transport = createTransport(url);
  try {
    await transport.sendMail({
      from: 'shop@example.com',
      to: 'ann@example.com',
      subject: 'Welcome',
      text: 'Hello Ann',
      ...mail,
    });
  } finally {
    transport.close();
  }
}

test('a mail is kept with its envelope, its content and its parts before its sender has the 250', async () => {
  const smtp = await start();
  expect(smtp.url).toBe(`smtp://127.0.0.1:${smtp.port}`);
  await send(smtp, {
    cc: 'Bob@example.com',
    html: '<p>Hello</p>',
    attachments: [{ filename: 'a.txt', content: 'one' }],
  });
  expect(smtp.mails.length).toBe(1);
  const [mail] = smtp.mails;
  expect(mail).toMatchObject({
    from: 'shop@example.com',
    to: ['ann@example.com', 'Bob@example.com'],
    subject: 'Welcome',
    text: 'Hello Ann',
    session: { clientAddress: '127.0.0.1', identity: null },
  });
  expect(mail?.content.toString()).toContain('Subject: Welcome\r\n');
  expect(mail?.parsed.html).toContain('<p>Hello</p>');
  expect(mail?.parsed.attachments.map(({ filename }) => filename)).toEqual(['a.txt']);
  smtp.clear();
  expect(smtp.mails).toEqual([]);
});

test('waitForMail gives the mail that is meant, whether it came before or comes later, and each once', async () => {
  const smtp = await start();
  const later = smtp.waitForMail({ to: 'ANN@example.com', subject: /reset/gi });
  await send(smtp);
  await send(smtp, { to: 'bob@example.com' });
  await send(smtp, { subject: 'Reset your password' });
  await send(smtp, {
    from: { name: '', address: '' },
    envelope: { from: '', to: ['x@example.com'] },
  });
  expect((await later).subject).toBe('Reset your password');
  expect((await smtp.waitForMail({ to: /^bob@/ })).to).toEqual(['bob@example.com']);
  expect((await smtp.waitForMail({ from: '' })).to).toEqual(['x@example.com']);
  expect((await smtp.waitForMail()).subject).toBe('Welcome');
  await expect(smtp.waitForMail({ timeout: 0.05 })).rejects.toThrow(/^expected a mail within/);
  expect(smtp.mails.length).toBe(4);
});

test('two that wait for any mail get one each', async () => {
  const smtp = await start();
  const both = [smtp.waitForMail(), smtp.waitForMail()];
  await send(smtp, { subject: 'one' });
  await send(smtp, { subject: 'two' });
  expect((await Promise.all(both)).map(({ subject }) => subject)).toEqual(['one', 'two']);
});

test('a mail that does not come is an error that lists those that came, and whose stack names the test', async () => {
  const smtp = await start();
  await send(smtp);
  const wait = smtp.waitForMail({ to: 'bob@example.com', subject: /reset/i, timeout: 0.05 });
  const error = (await wait.catch((thrown: unknown) => thrown)) as Error;
  expect(error).toMatchObject({
    name: 'MailTimeoutError',
    code: 'MAILSLUICE_MAIL_TIMEOUT',
    message:
      'expected a mail to "bob@example.com", subject /reset/i within 0.05 s, got one:\n  from "shop@example.com" to "ann@example.com", subject "Welcome"',
  });
  expect(error.stack).toContain('test-server.test.ts');
});

test('closing ends a wait at once', async () => {
  const smtp = await createTestServer();
  const wait = expect(smtp.waitForMail({ timeout: 600 })).rejects.toThrow(
    'expected a mail before the server was closed, got none',
  );
  await smtp.close();
  await wait;
});

test('any user signs in, and a middleware decides where there is one', async () => {
  const anybody = await start({ listener: { auth: 'required' } });
  const as = async (smtp: TestServer, pass: string): Promise<void> => {
    const { host, port } = smtp;
    const transport = createTransport({ host, port, auth: { user: 'ann', pass } });
    try {
      await transport.sendMail({ from: 'a@example.com', to: 'b@example.com', text: 'hi' });
    } finally {
      transport.close();
    }
  };
  await as(anybody, 'whatever');
  expect(anybody.mails[0]?.session.identity?.username).toBe('ann');
  await expect(send(anybody)).rejects.toThrow(/530/);

  const strict = await start({
    use: [
      {
        onSignIn: ({ attempt }) =>
          attempt.kind === 'password' && attempt.password.reveal() === 'right',
      },
    ],
  });
  await expect(as(strict, 'wrong')).rejects.toThrow(/535/);
  await as(strict, 'right');
  expect(strict.mails.length).toBe(1);
});

test('a mail that a hook refuses is not kept, whatever the order of the hooks', async () => {
  const events: string[] = [];
  const smtp = await start({
    observe: ({ kind }) => void events.push(kind),
    use: [
      {
        onMail: async ({ mail, reply }) => {
          const { subject } = await mail.parse();
          return subject === 'spam' ? reply(550, '7.1', 'No spam') : undefined;
        },
      },
    ],
  });
  smtp.server.onMail(async ({ mail, reply }) => {
    const { subject } = await mail.parse();
    return subject === 'ham' ? reply(550, '7.1', 'No ham') : undefined;
  });
  await expect(send(smtp, { subject: 'spam' })).rejects.toThrow(/No spam/);
  await expect(send(smtp, { subject: 'ham' })).rejects.toThrow(/No ham/);
  await send(smtp);
  expect(smtp.mails.map(({ subject }) => subject)).toEqual(['Welcome']);
  expect(events).toContain('message-refused');
});

test('it speaks TLS and LMTP if it is told to', async () => {
  const certificate = await makeCertificate();
  const smtp = await start({ tls: { certificates: [certificate] }, listener: { tls: 'starttls' } });
  const { host, port } = smtp;
  const transport = createTransport({
    host,
    port,
    requireTLS: true,
    tls: { rejectUnauthorized: false },
  });
  await transport.sendMail({ from: 'a@example.com', to: 'b@example.com', text: 'hi' });
  transport.close();
  expect(smtp.mails[0]?.session.tls?.version).toBe('TLSv1.3');
  const lmtp = await start({ listener: { protocol: 'lmtp' } });
  const local = createTransport({ host: lmtp.host, port: lmtp.port, lmtp: true });
  await local.sendMail({ from: 'a@example.com', to: 'b@example.com', text: 'hi' });
  local.close();
  expect(lmtp.mails.length).toBe(1);
});

test('await using closes it at the end of the block', async () => {
  let used: TestServer;
  {
    await using smtp = await createTestServer();
    used = smtp;
    await send(smtp);
  }
  expect(() => used.port).toThrow('expected a server that listens on a port');
});

test('src/testing/README.md lists every file of the folder', () => {
  const folder = new URL('../../src/testing/', import.meta.url);
  const page = readFileSync(new URL('README.md', folder), 'utf8');
  const listed = [...page.matchAll(/^\| `([\w-]+\.ts)` \|/gm)].map(([, file]) => file);
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  expect(new Set(listed)).toEqual(new Set(files));
});
