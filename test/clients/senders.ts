// Six clients behind one interface. None of them is ours.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { runProgram } from '../support/programs.ts';

export interface Submission {
  readonly port: number;
  readonly tls: 'none' | 'starttls' | 'implicit';
  readonly auth?: { readonly username: string; readonly password: string };
  readonly from: string;
  readonly to: string;
  readonly bytes: Buffer;
  readonly eightBit?: boolean;
  readonly smtpUtf8?: boolean;
}

export interface Sender {
  readonly name: string;
  /** The program that must be installed; none for what npm brings. */
  readonly program?: string;
  readonly smtpUtf8: boolean;
  /** What this client says when its sign-in was refused. */
  readonly refusal: RegExp;
  readonly send: (submission: Submission) => Promise<void>;
}

async function withFile<T>(bytes: Buffer, use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'mailsluice-client-'));
  const file = join(folder, 'message.eml');
  writeFileSync(file, bytes);
  try {
    return await use(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Dot-stuffing (RFC 5321 section 4.5.2), for the clients that are told every byte. */
function stuff(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/^\./gm, '..');
}

async function requireSuccess(
  program: string,
  args: readonly string[],
  input?: string,
): Promise<void> {
  const { code, output } = await runProgram(program, args, input);
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${output.slice(-3000)}`);
}

const swaks: Sender = {
  name: 'swaks',
  program: 'swaks',
  smtpUtf8: false,
  refusal: /535 5\.7\.8/,
  send: ({ port, tls, auth, from, to, bytes }) =>
    // Left to itself, swaks makes an empty body of one empty line.
    withFile(Buffer.from(`${stuff(bytes)}.`, 'latin1'), (file) =>
      requireSuccess('swaks', [
        ...['--server', '127.0.0.1', '--port', `${port}`, '--from', from, '--to', to],
        ...['--data', `@${file}`, '--no-data-fixup', '--suppress-data', '--timeout', '60s'],
        ...(tls === 'none' ? [] : [tls === 'starttls' ? '--tls' : '--tls-on-connect']),
        ...(auth === undefined
          ? []
          : ['--auth', 'LOGIN', '--auth-user', auth.username, '--auth-password', auth.password]),
      ]),
    ),
};

const curl: Sender = {
  name: 'curl',
  program: 'curl',
  smtpUtf8: true,
  refusal: /Login denied/,
  send: ({ port, tls, auth, from, to, bytes }) =>
    withFile(bytes, (file) =>
      requireSuccess('curl', [
        ...['--silent', '--show-error', '--insecure', '--upload-file', file],
        ...['--mail-from', from, '--mail-rcpt', to],
        ...(tls === 'starttls' ? ['--ssl-reqd'] : []),
        ...(auth === undefined ? [] : ['--user', `${auth.username}:${auth.password}`]),
        `${tls === 'implicit' ? 'smtps' : 'smtp'}://127.0.0.1:${port}/client.example`,
      ]),
    ),
};

/** Connects, and signs in if `auth` is given; the rest of the program has `client` and its argument `s`. */
export const PYTHON_CLIENT = `
import json, smtplib, ssl, sys
s = json.loads(sys.argv[1])
context = ssl._create_unverified_context()
if s["tls"] == "implicit":
    client = smtplib.SMTP_SSL("127.0.0.1", s["port"], context=context, timeout=60)
else:
    client = smtplib.SMTP("127.0.0.1", s["port"], timeout=60)
client.ehlo()
if s["tls"] == "starttls":
    client.starttls(context=context)
    client.ehlo()
if s.get("auth"):
    client.login(s["auth"]["username"], s["auth"]["password"])
`;

const PYTHON = `${PYTHON_CLIENT}
options = (["BODY=8BITMIME"] if s.get("eightBit") else []) + (["SMTPUTF8"] if s.get("smtpUtf8") else [])
client.sendmail(s["from"], [s["to"]], open(s["file"], "rb").read(), options)
client.quit()
`;

const python: Sender = {
  name: 'Python smtplib',
  program: '/usr/bin/python3',
  smtpUtf8: true,
  refusal: /SMTPAuthenticationError: \(535/,
  send: ({ bytes, ...submission }) =>
    withFile(bytes, (file) =>
      requireSuccess('/usr/bin/python3', ['-c', PYTHON, JSON.stringify({ ...submission, file })]),
    ),
};

const nodemailer: Sender = {
  name: 'nodemailer',
  smtpUtf8: true,
  refusal: /535 5\.7\.8/,
  send: async ({ port, tls, auth, from, to, bytes }) => {
    const transport = createTransport({
      host: '127.0.0.1',
      port,
      secure: tls === 'implicit',
      ignoreTLS: tls === 'none',
      requireTLS: tls === 'starttls',
      tls: { rejectUnauthorized: false },
      ...(auth === undefined ? {} : { auth: { user: auth.username, pass: auth.password } }),
    });
    try {
      await transport.sendMail({ envelope: { from, to: [to] }, raw: bytes });
    } finally {
      transport.close();
    }
  },
};

/**
 * The dialogue typed into `openssl s_client`, each group sent when the reply to the one before has come.
 * With -starttls it speaks up to the handshake by itself.
 */
const openssl: Sender = {
  name: 'openssl s_client',
  program: 'openssl',
  smtpUtf8: true,
  refusal: /535 5\.7\.8/,
  send: ({ port, tls, auth, from, to, bytes, smtpUtf8 }) => {
    const plain = Buffer.from(`\0${auth?.username}\0${auth?.password}`).toString('base64');
    const script = [
      'EHLO client.example',
      ...(auth === undefined ? [] : [`AUTH PLAIN ${plain}`]),
      `MAIL FROM:<${from}>${smtpUtf8 ? ' SMTPUTF8' : ''}`,
      `RCPT TO:<${to}>`,
      'DATA',
      Buffer.from(`${stuff(bytes)}.`, 'latin1'),
      'QUIT',
    ];
    return converse(
      'openssl',
      [
        ...['s_client', '-quiet', '-connect', `127.0.0.1:${port}`],
        ...(tls === 'starttls' ? ['-starttls', 'smtp', '-name', 'client.example'] : []),
      ],
      script,
      tls === 'starttls',
    );
  },
};

async function converse(
  program: string,
  args: readonly string[],
  script: readonly (string | Buffer)[],
  isGreeted: boolean,
): Promise<void> {
  const { spawn } = await import('node:child_process');
  const child = spawn(program, args, { timeout: 60_000, stdio: ['pipe', 'pipe', 'ignore'] });
  const said: string[] = [];
  let next = 0;
  const say = (): void => {
    const step = script[next++];
    if (step === undefined) child.stdin.end();
    else {
      child.stdin.write(step);
      child.stdin.write('\r\n');
    }
  };
  return new Promise((resolve, reject) => {
    let pending = '';
    child.stdin.on('error', () => {});
    child.stdout.on('data', (chunk: Buffer) => {
      pending += chunk.toString('latin1');
      for (let end = pending.indexOf('\r\n'); end !== -1; end = pending.indexOf('\r\n')) {
        const reply = pending.slice(0, end);
        pending = pending.slice(end + 2);
        said.push(reply);
        // With -starttls, -quiet still shows the last reply line that the client read before the handshake.
        if (/^[45]/.test(reply)) child.kill();
        if (/^\d{3} /.test(reply) && !(isGreeted && next === 0)) say();
      }
    });
    child.on('error', reject);
    child.on('close', () => {
      if (said.at(-1)?.startsWith('221')) resolve();
      else reject(new Error(`the dialogue ended with:\n${said.slice(-5).join('\n')}`));
    });
    if (isGreeted) say();
  });
}

export const senders: readonly Sender[] = [swaks, curl, python, nodemailer, openssl];
