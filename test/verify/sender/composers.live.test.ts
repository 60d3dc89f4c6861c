// From fields of honest senders: as nodemailer and Python's email package compose them, whatever the name. All are clear.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import MailComposer from 'nodemailer/lib/mail-composer/index.js';
import { expect, test } from 'vitest';
import { readHeaderSection } from '../../../src/message/header-section.ts';
import { readAuthor } from '../../../src/verify/sender/author/author.ts';
import { need } from '../../support/programs.ts';

const COMPOSE = `import json, sys, base64
from email.message import EmailMessage
from email.headerregistry import Address
from email.policy import SMTP
out = []
for name, user, domain in json.load(sys.stdin):
    message = EmailMessage(policy=SMTP)
    message['From'] = Address(name, user, domain)
    message['To'] = 'b@mx.example'
    message['Subject'] = 'Hello'
    message.set_content('Hello')
    out.append(base64.b64encode(message.as_bytes()).decode())
json.dump(out, sys.stdout)
`;

/** Letters and marks of names, in several scripts; not what makes a name deceptive. */
const character = fc.constantFrom(
  ...Array.from('abcXYZ 019éßžøñÅçЖяλ中文日本語한국עבראש😀'),
  ...Array.from(`,.;:'"()[]<>\\/&+-_=?!#$%*|~\``),
);
const name = fc
  .array(character, { minLength: 1, maxLength: 60 })
  .map((list) => list.join('').trim())
  // A name that looks like an encoded word is deceptive.
  .filter((text) => text !== '' && !text.includes('=?'));
const user = fc.constantFrom(
  'a',
  'alice.smith',
  'a+b',
  'a_b-c',
  'no-reply',
  "o'neil",
  'bounce+x=y.example',
);
const domain = fc.constantFrom('x.example', 'mail.x-y.example', 'xn--mnchen-3ya.example');
const senders = fc.sample(fc.tuple(name, user, domain), { numRuns: 800, seed: 17 });

function expectClear(mail: Buffer, address: string, domain: string): void {
  const section = mail.subarray(0, mail.indexOf('\r\n\r\n') + 4);
  const author = readAuthor(readHeaderSection(mail, true), section);
  expect(author, section.toString()).toEqual({ kind: 'mailbox', address, domain });
}

test('From fields of nodemailer are clear', async () => {
  for (const [displayName, local, host] of senders) {
    const from = { name: displayName, address: `${local}@${host}` };
    const composer = new MailComposer({
      from,
      to: 'b@mx.example',
      subject: 'Hello',
      text: 'Hello',
    });
    const mail = await composer.compile().build();
    expectClear(mail, from.address, host);
  }
});

test("From fields of Python's email package are clear", ({ skip }) => {
  need(skip, '/usr/bin/python3');
  const { stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', COMPOSE], {
    input: JSON.stringify(senders),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  const mails = (JSON.parse(stdout || `"${stderr}"`) as string[]).map((text) =>
    Buffer.from(text, 'base64'),
  );
  expect(mails).toHaveLength(senders.length);
  for (const [index, mail] of mails.entries()) {
    const [, local, host = ''] = senders[index] ?? [];
    expectClear(mail, `${local}@${host}`, host);
  }
});
