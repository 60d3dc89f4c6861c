// src/MIGRATION.md: its program for smtp-server and its program for this library, run with the same mails by the same client; and its
// tables against the types of smtp-server.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTransport } from 'nodemailer';
import type { SMTPTransportOptions } from 'nodemailer/lib/smtp-transport';
import { beforeAll, describe, expect, test } from 'vitest';
import { outcome } from '../../clients/nodemailer/scene.ts';
import { makeCertificate } from '../../support/certificates.ts';
import { makeFolder, root, runFile, typeCheck, writeCode } from './examples.ts';

const page = readFileSync(join(root, 'src/MIGRATION.md'), 'utf8');
const [, before = ''] = /^## Before\n[^]*?^```js\n([^]*?)^```$/m.exec(page) ?? [];
const [, after = ''] = /^## After\n[^]*?^```ts\n([^]*?)^```$/m.exec(page) ?? [];

interface Mail {
  readonly from: string;
  readonly to: string | string[];
  readonly raw: string;
}

interface Sent {
  readonly name: string;
  readonly mail?: Partial<Mail>;
  readonly transport?: SMTPTransportOptions;
  readonly outcome: string;
}

const ann = { user: 'ann', pass: 'correct horse' };
const MAIL: Mail = {
  from: 'ann@example.com',
  to: 'sales@example.com',
  raw: 'Subject: order\r\n\r\n.\r\n..two\r\nthree',
};

const sent: readonly Sent[] = [
  { name: 'a mail', outcome: '250' },
  { name: 'by LOGIN', transport: { authMethod: 'LOGIN' }, outcome: '250' },
  {
    name: 'of another user',
    mail: { from: 'bob@example.com' },
    transport: { auth: { user: 'bob', pass: 'battery staple' } },
    outcome: '250',
  },
  {
    name: 'with a wrong password',
    transport: { auth: { ...ann, pass: 'wrong' } },
    outcome: 'EAUTH at AUTH PLAIN: 535',
  },
  {
    name: 'of an unknown user',
    transport: { auth: { ...ann, user: 'eve' } },
    outcome: 'EAUTH at AUTH PLAIN: 535',
  },
  {
    name: 'in the clear',
    transport: { ignoreTLS: true, forceAuth: true },
    outcome: 'EAUTH at AUTH PLAIN: 538',
  },
  {
    name: 'from an address of another domain',
    mail: { from: 'ann@example.net' },
    outcome: 'EENVELOPE at MAIL FROM: 550',
  },
  {
    name: 'to an unknown mailbox',
    mail: { to: 'nobody@example.com' },
    outcome: 'EENVELOPE at RCPT TO: 550',
  },
  {
    name: 'to a full mailbox',
    mail: { to: 'full@example.com' },
    outcome: 'EENVELOPE at RCPT TO: 452',
  },
  {
    name: 'to one mailbox of three',
    mail: { to: ['full@example.com', 'sales@example.com', 'nobody@example.com'] },
    outcome: '250; full@example.com: 452; nobody@example.com: 550',
  },
  {
    name: 'that is too large',
    mail: { raw: `Subject: large\r\n\r\n${'x'.repeat(200_000)}\r\n` },
    outcome: 'EMESSAGE at DATA: 552',
  },
  {
    name: 'whose lines begin with dots',
    mail: { raw: `Subject: dots\r\n\r\n${'.\r\n..\r\n'.repeat(5_000)}` },
    outcome: '250',
  },
];

let certificate: Record<'CERT' | 'KEY', string>;
beforeAll(async () => {
  const { cert, key } = await makeCertificate();
  const folder = makeFolder();
  certificate = { CERT: join(folder, 'crt'), KEY: join(folder, 'key') };
  writeFileSync(certificate.CERT, cert);
  writeFileSync(certificate.KEY, key);
});

/** Reply codes alone: smtp-server derives the enhanced status code from the reply code, ours is that of the program. */
const withoutStatus = (text: string): string => text.replace(/(?<=\d{3}) \d\.\d+\.\d+/g, '');

describe.each([
  { name: 'before', file: 'program.mjs', code: before },
  { name: 'after', file: 'program.ts', code: after },
])('the program $name', ({ file, code }) => {
  test('answers each mail as the other one does, saves the same files and closes', async () => {
    const folder = makeFolder();
    const program = await runFile(writeCode(code, join(makeFolder(), file)), {
      ...certificate,
      FOLDER: folder,
    });
    const outcomes: string[] = [];
    const saved: string[] = [];
    for (const { mail, transport } of sent) {
      const sender = createTransport({
        host: '127.0.0.1',
        port: program.port,
        tls: { rejectUnauthorized: false },
        auth: ann,
        ...transport,
      });
      const { from, to, raw } = { ...MAIL, ...mail };
      const text = await outcome(sender.sendMail({ envelope: { from, to }, raw }));
      outcomes.push(withoutStatus(text));
      if (text.startsWith('250')) saved.push(raw.endsWith('\r\n') ? raw : `${raw}\r\n`);
      sender.close();
    }
    expect(Object.fromEntries(sent.map(({ name }, at) => [name, outcomes[at]]))).toEqual(
      Object.fromEntries(sent.map(({ name, outcome: expected }) => [name, expected])),
    );
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(files.toSorted()).toEqual(saved.toSorted());
    expect(saved).toHaveLength(5);
    await program.prints(`bob sent ${saved[0]?.length} octets\n`);
    program.signal('SIGTERM');
    await program.prints('closed\n');
    expect(await program.exited).toBe(0);
  });
});

test('the program after satisfies the compiler as strictly as our own code', async () => {
  const folder = makeFolder();
  writeCode(after, join(folder, 'program.ts'));
  expect(await typeCheck(folder)).toBe('');
});

/** The first cells of the table under a heading, as the names in code style. */
function namesUnder(heading: string): string[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => (line.split('|')[1] ?? '').match(/(?<=`)[\w.]+(?=[`(])/g) ?? []);
}

/** The members of an interface in the types of smtp-server. */
function membersOf(name: string): string[] {
  const types = fileURLToPath(new URL('types.d.ts', import.meta.resolve('smtp-server')));
  const text = readFileSync(types, 'utf8');
  const [, body = ''] =
    new RegExp(`^export interface ${name}[^{]*\\{\\n([^]*?)^\\}`, 'm').exec(text) ?? [];
  return [...body.matchAll(/^ {4}(\w+)\??[:(]/gm)].map(([, member = '']) => member);
}

test('the tables have every option and every hook of smtp-server', () => {
  const options = membersOf('SMTPServerOptions');
  expect(options.length).toBeGreaterThan(40);
  const listed = [...namesUnder('Options'), ...namesUnder('Hooks')];
  expect(options.filter((each) => !listed.includes(each))).toEqual([]);
});

test('the table of the session has every member of theirs', () => {
  const members = membersOf('SMTPServerSession').filter(
    // A joke of sendmail's.
    (each) => each !== 'isWizard',
  );
  const listed = namesUnder('The session').map((each) => each.split('.')[0]);
  expect(members.filter((each) => !listed.includes(each))).toEqual([]);
});

test('every row of the tables has three cells', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| '));
  expect(rows.length).toBeGreaterThan(80);
  for (const row of rows) expect(row.split('|'), row).toHaveLength(5);
});
