// A clear author is one whom other programs read as well: hostile header sections, put together from parts, read by Python's email
// package (its old and its new policy) and by mailparser.
import { isAscii } from 'node:buffer';
import { domainToASCII } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readHeaderSection } from '../../../src/message/header-section.ts';
import { readAuthor } from '../../../src/verify/sender/author/author.ts';
import { need } from '../../support/programs.ts';
import { readByMailparser, readByPython, type Reading } from './other-readers.ts';

const RUNS = Number(process.env['MAILSLUICE_AUTHOR_RUNS'] ?? 3000);

const parts = fc.constantFrom(
  ...[
    'a@x.example',
    'ceo@v.example',
    '<a@x.example>',
    '<ceo@v.example>',
    'A B',
    '"A B"',
    '"ceo@v.example"',
  ],
  ...[
    '(A)',
    '(ceo@v.example)',
    '(',
    ')',
    '"',
    '\\',
    '<',
    '>',
    ',',
    ';',
    ':',
    '@',
    '.',
    ' ',
    '  ',
    '\t',
  ],
  ...[
    '\r\n ',
    '\r\n\t',
    '\r\n \r\n ',
    '\r',
    '\0',
    '\x0b',
    '\x0c',
    '\x1c',
    '\x85',
    '\u2028',
    '\u00a0',
    '\u00e9',
  ],
  ...[
    '=?utf-8?q?A?=',
    '=?utf-8?q?ceo=40v.example?=',
    '=?utf-8?q?=22?=',
    '=?utf-8?b?Y2VvQHYuZXhhbXBsZSwg?=',
  ],
  ...[
    'Team:',
    'a',
    'x.example',
    'v.example',
    '"a"@x.example',
    '[192.0.2.1]',
    '@v.example:',
    'xn--bcher-kva.example',
  ],
);
const value = fc.array(parts, { minLength: 1, maxLength: 6 }).map((list) => list.join(''));
const name = fc.constantFrom(
  'From',
  'From',
  'From',
  'from',
  'FROM',
  'From ',
  'From\t',
  'From\r\n ',
  'X',
  'Fr\0om',
  ' From',
);
const end = fc.constantFrom(
  '\r\n',
  '\r\n',
  '\r\n',
  '\n',
  '\r',
  '\r\n \r\n',
  '\r\nno field\r\n',
  '\x85',
  '\x0c',
);
const line = fc.tuple(name, value, end).map(([field, text, after]) => `${field}:${text}${after}`);
/** Mostly one From field, so that some are clear. */
const section = fc
  .tuple(
    fc.array(line, { maxLength: 2 }),
    fc.oneof(
      { weight: 3, arbitrary: value.map((text) => `From: ${text}\r\n`) },
      { weight: 1, arbitrary: line },
      {
        weight: 1,
        arbitrary: fc.constantFrom('From: "A B" <a@x.example>\r\n', 'From: a@x.example (A)\r\n'),
      },
    ),
    fc.array(line, { maxLength: 1 }),
  )
  .map(([before, from, after]) => `${before.join('')}${from}${after.join('')}`);

test('whom we find clear, every reader finds alone in From', async ({ skip }) => {
  need(skip, '/usr/bin/python3');
  const mails = [
    ...fc.sample(section, { numRuns: RUNS }),
    ...fc.sample(value, { numRuns: RUNS }).map((text) => `From: ${text}\r\n`),
  ].map((text) => Buffer.from(`${text}\r\nbody`));
  const clear = mails.flatMap((mail) => {
    const header = readHeaderSection(mail, true);
    // The section ends where it ends for the checks.
    const author = readAuthor(header, sectionOf(mail));
    return author.kind === 'mailbox' && author.doubt === undefined ? [{ mail, author }] : [];
  });
  expect(clear.length).toBeGreaterThan(RUNS / 20);
  const readings = readByPython(clear.map(({ mail }) => mail));
  let ascii = 0;
  for (const [index, { mail, author }] of clear.entries()) {
    const expected = { fields: 1, addresses: [plain(author.address)] };
    const text = JSON.stringify(mail.toString());
    const byMailparser = { fields: 1, addresses: await readByMailparser(mail) };
    expect(plainly(byMailparser), text).toEqual(expected);
    // Python knows no UTF-8 in header fields (RFC 6532), and shows other characters.
    const reading = readings[index];
    if (!isAscii(mail) || reading === undefined) continue;
    ascii += 1;
    expect(plainly(reading.old), text).toEqual(expected);
    if (!('fault' in reading.new)) expect(plainly(reading.new), text).toEqual(expected);
  }
  expect(ascii).toBeGreaterThan(RUNS / 50);
});

function plainly(reading: Reading): Reading {
  return { fields: reading.fields, addresses: reading.addresses.map(plain) };
}

/** Whether a local part is quoted that needs no quotes makes no difference, nor whether a domain is shown in U-labels. */
function plain(address: string): string {
  const at = address.lastIndexOf('@') + 1;
  return address.slice(0, at).replaceAll('"', '') + domainToASCII(address.slice(at));
}

function sectionOf(mail: Buffer): Buffer {
  if (mail[0] === 0x0a) return mail.subarray(0, 1);
  const ends = ['\n\r\n', '\n\n'].flatMap((text) => {
    const at = mail.indexOf(text);
    return at === -1 ? [] : [at + text.length];
  });
  return mail.subarray(0, Math.min(...ends, mail.length));
}
