// The header section of the stream is the one that everyone is shown.
import { expect, test } from 'vitest';
import {
  HEADER_SECTION_OCTETS,
  parseFields,
  readHeaderSection,
} from '../../../src/message/header-section.ts';
import {
  fieldText,
  HeaderCollector,
  type HeaderOctets,
} from '../../../src/verify/sender/header/header-octets.ts';
import { readRawFields } from '../../../src/verify/sender/header/raw-fields.ts';

/** Cut after each `size` octets; where the body began in the whole message, or -1. */
function collect(message: Buffer, size: number): { header: HeaderOctets; bodyStart: number } {
  const collector = new HeaderCollector();
  let bodyStart = -1;
  for (let at = 0; at < message.length && collector.header === undefined; at += size) {
    const start = collector.write(message.subarray(at, at + size));
    if (collector.header !== undefined) bodyStart = at + start;
  }
  return { header: collector.end(), bodyStart };
}

const FIELDS = 'From: a@a.example\r\nSubject: x\r\n';
/** What follows the header section: empty where the message ends in it. */
const rows: readonly (readonly [name: string, message: string, body: string])[] = [
  ['CRLF', `${FIELDS}\r\nbody\r\n\r\nmore`, 'body\r\n\r\nmore'],
  ['bare LF', 'From: a\nTo: b\n\nbody\n\nmore', 'body\n\nmore'],
  ['CRLF, then a bare LF', `${FIELDS}\nbody`, 'body'],
  ['bare LF, then CRLF', 'From: a\n\r\nbody', 'body'],
  ['CR CR LF is no empty line', `${FIELDS}\r\r\n\r\nbody`, 'body'],
  ['no body', `${FIELDS}\r\n`, ''],
  ['no empty line', FIELDS, ''],
  ['no line end', 'From: a', ''],
  ['empty', '', ''],
  ['an empty line first', '\r\nFrom: a\r\n\r\nbody', 'From: a\r\n\r\nbody'],
  ['a bare LF first', '\nFrom: a\n\nbody', 'From: a\n\nbody'],
  ['a byte order mark', `\xef\xbb\xbf${FIELDS}\r\nbody`, 'body'],
  [
    'a byte order mark and an empty line',
    '\xef\xbb\xbf\r\nFrom: a\r\n\r\nbody',
    'From: a\r\n\r\nbody',
  ],
  ['half a byte order mark', `\xef\xbb${FIELDS}\r\nbody`, 'body'],
  ['a line that is no field', `Received: x\r\nno field\r\n${FIELDS}\r\nFrom: b`, 'From: b'],
  ['a first line that is no field', `no field\r\n more\r\n${FIELDS}\r\nFrom: b`, 'From: b'],
  ['a line of a mailbox file', `From a@a.example Mon Nov 2 10:00:00 2026\r\n${FIELDS}\r\nb`, 'b'],
  [
    'NUL and white space in front of a colon',
    `A\0b: x\r\nFrom \t: a\r\nTo\r\n : b\r\n\r\nbody`,
    'body',
  ],
  ['a line of white space', `${FIELDS} \r\nTo: b\r\n\r\nbody`, 'body'],
];

test.each(rows)('the header section ends where it is read to: %s', (_, text, body) => {
  const message = Buffer.from(text, 'latin1');
  const shown = readHeaderSection(message, true);
  for (const size of [1, 2, 3, 5, 7, 64, 100_000]) {
    const { header, bodyStart } = collect(message, size);
    expect(header.kind).toBe('whole');
    expect(readHeaderSection(header.octets, true)).toEqual(shown);
    expect(bodyStart === -1 ? '' : message.toString('latin1', bodyStart)).toBe(body);
    expect(header.isWholeMessage).toBe(bodyStart === -1);
    expect(parseFields(Buffer.from(fieldText(header), 'latin1'))).toEqual(shown.fields);
  }
});

test.each(rows)('the fields with their octets are the fields that are shown: %s', (_, text) => {
  const { header } = collect(Buffer.from(text, 'latin1'), 100_000);
  const raw = readRawFields(fieldText(header), 1000);
  const { fields } = readHeaderSection(header.octets, true);
  expect(raw.map(({ name }) => name)).toEqual(fields.map(({ name }) => name.toLowerCase()));
  // Nothing but the lines before the first field is left out.
  expect(fieldText(header).endsWith(raw.map(({ text: octets }) => octets).join(''))).toBe(true);
});

const END = '\r\n\r\n';

test.each([
  ['as long as it may be', HEADER_SECTION_OCTETS, 'whole'],
  ['one octet longer', HEADER_SECTION_OCTETS + 1, 'over-bound'],
  ['far longer', 5_000_000, 'over-bound'],
] as const)('a header section %s', (_, length, kind) => {
  const message = Buffer.from(`Subject: ${'x'.repeat(length - 9 - END.length)}${END}body`);
  const shown = readHeaderSection(message, true);
  for (const size of [1000, 65_536, 65_537, length]) {
    const { header } = collect(message, size);
    expect(header.kind).toBe(kind);
    expect(header.octets.length).toBe(HEADER_SECTION_OCTETS);
    expect(readHeaderSection(header.octets, kind === 'whole').fields).toEqual(shown.fields);
    expect(shown.truncated).toBe(kind === 'over-bound');
  }
});

test('a message that is nothing but a header section of the greatest length is whole', () => {
  const message = Buffer.from(`Subject: ${'x'.repeat(HEADER_SECTION_OCTETS - 9)}`);
  expect(collect(message, 1000).header).toMatchObject({ kind: 'whole', isWholeMessage: true });
  expect(readHeaderSection(message, true).truncated).toBe(false);
});
