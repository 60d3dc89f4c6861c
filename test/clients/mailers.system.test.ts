// Mail programs, and programs that end their lines with LF, against `mailsluice local`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FREE_PORTS, LocalProcess } from '../support/local.ts';
import { missing, runProgram } from '../support/programs.ts';
import { auth, freshRecipient } from './deliveries.ts';
import { mailers } from './mailers.ts';
import { PYTHON_CLIENT } from './senders.ts';

let local: LocalProcess;
beforeAll(async () => {
  local = await LocalProcess.start({
    listeners: [
      ...FREE_PORTS.listeners,
      // As for devices without TLS.
      { name: 'devices', port: 0, tls: 'none', auth: 'none', bareNewline: 'normalize' },
    ],
    local: { pagePort: 0, awsPort: 0, dynamoDbPort: 0, password: auth.password },
  });
});
afterAll(async () => {
  expect(await local.stop()).toBe(0);
});

const modes = [
  ['in the clear', 'mx', 'none', undefined],
  ['in the clear, as a device', 'devices', 'none', undefined],
  ['over STARTTLS, signed in', 'submission', 'starttls', auth],
  ['over implicit TLS, signed in', 'smtps', 'implicit', auth],
] as const;

const from = 'sender@client.example';
const TEXT = 'Hello,\n.\n..\n.one\n\nworld\n';

for (const mailer of mailers) {
  const absent = mailer.absence();
  for (const [mode, listener, tls, signIn] of modes) {
    test(`${mailer.name} delivers ${mode}`, { timeout: 60_000 }, async ({ skip }) => {
      skip(absent !== undefined, absent);
      const to = freshRecipient();
      const port = local.port(listener);
      await mailer.send({ port, tls, ...(signIn && { auth: signIn }), from, to, text: TEXT });
      const { notification, object } = await local.mailFor(to);
      expect(object.toString().split('\r\n\r\n').slice(1).join('\r\n\r\n')).toBe(
        'Hello,\r\n.\r\n..\r\n.one\r\n\r\nworld\r\n',
      );
      expect(object.toString()).toContain('\r\nSubject: from a program\r\n');
      expect(notification.mail.source).toBe(from);
      expect(notification.receipt.recipients).toEqual([to]);
      expect(notification.mailsluice).toMatchObject({
        listener,
        authenticated: signIn ? { username: signIn.username } : null,
      });
    });
  }
}

/** As code does that writes a text with LF line ends into DATA: .NET's and Java's, and many a shell script. */
const BARE_LF_SENDER = `${PYTHON_CLIENT}
client.mail(s["from"])
client.rcpt(s["to"])
code, text = client.docmd("DATA")
assert code == 354, text
client.sock.sendall(s["message"].encode() + b"\\r\\n.\\r\\n")
code, text = client.getreply()
assert code == 250, text
client.quit()
`;

interface BareSender {
  readonly name: string;
  readonly program: string;
  readonly send: (mail: {
    readonly port: number;
    readonly tls: string;
    readonly auth: typeof auth | undefined;
    readonly to: string;
    readonly message: string;
  }) => Promise<void>;
}

const bareSenders: readonly BareSender[] = [
  {
    name: 'a program that writes LF into DATA',
    program: '/usr/bin/python3',
    async send(mail) {
      const { code, output } = await runProgram('/usr/bin/python3', [
        ...['-c', BARE_LF_SENDER, JSON.stringify({ ...mail, from })],
      ]);
      expect({ code, output }).toEqual({ code: 0, output: '' });
    },
  },
  {
    // It sends the octets of a file as they are.
    name: 'curl with a file of LF lines',
    program: 'curl',
    async send({ port, tls, auth: signIn, to, message }) {
      const folder = mkdtempSync(join(tmpdir(), 'mailsluice-lf-'));
      try {
        const file = join(folder, 'message.eml');
        writeFileSync(file, message);
        const { code, output } = await runProgram('curl', [
          ...['--silent', '--show-error', '--insecure', '--upload-file', file],
          ...['--mail-from', from, '--mail-rcpt', to],
          ...(tls === 'starttls' ? ['--ssl-reqd'] : []),
          ...(signIn ? ['--user', `${signIn.username}:${signIn.password}`] : []),
          `${tls === 'implicit' ? 'smtps' : 'smtp'}://127.0.0.1:${port}/client.example`,
        ]);
        expect({ code, output }).toEqual({ code: 0, output: '' });
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  },
];

const MESSAGE = 'From: sender@client.example\nSubject: LF\n\nHello,\nworld';
const STORED = 'From: sender@client.example\r\nSubject: LF\r\n\r\nHello,\r\nworld\r\n';
/** A client ends the last line, and the data, with CRLF. */
const RECEIVED = `${MESSAGE}\r\n`;

for (const sender of bareSenders) {
  const absent = missing(sender.program);
  for (const [mode, listener, tls, signIn] of modes.slice(1)) {
    test(`${sender.name} gets through ${mode}`, { timeout: 60_000 }, async ({ skip }) => {
      skip(absent !== undefined, absent);
      const to = freshRecipient();
      await sender.send({ port: local.port(listener), tls, auth: signIn, to, message: MESSAGE });
      const { notification, object } = await local.mailFor(to);
      expect(object.subarray(-STORED.length).toString()).toBe(STORED);
      const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
      expect(notification.mailsluice).toMatchObject({
        sha256: sha256(RECEIVED),
        size: RECEIVED.length,
        storedSha256: sha256(STORED),
        storedSize: STORED.length,
        normalizedNewlines: 4,
      });
    });
  }
}
