import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAddressList } from '../../src/message/address-list.ts';
import { readCommonHeaders } from '../../src/message/common-headers.ts';
import { decodeEncodedWords } from '../../src/message/encoded-words.ts';

test.each([
  ['RFC 2047 section 8: (=?ISO-8859-1?Q?a?=)', '=?ISO-8859-1?Q?a?=', 'a'],
  ['two words without the blank between them', '=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=', 'ab'],
  ['a blank within a word', '=?ISO-8859-1?Q?a_b?=', 'a b'],
  ['text around words', 'x =?utf-8?q?=C3=A4?= y', 'x ä y'],
  ['base64', '=?utf-8?B?R3LDvMOfZQ==?=', 'Grüße'],
  ['a charset of its own', '=?Shift_JIS?B?k/qWe4zq?=', '日本語'],
  ['KOI8-R', '=?koi8-r?Q?=F0=D2=C9?=', 'При'],
  ['a language after the charset (RFC 2231 section 5)', '=?US-ASCII*EN?Q?Keith?=', 'Keith'],
  ['a character cut in two by words', '=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=', 'ä'],
  ['nothing in an unknown charset', '=?x-none?Q?a?=', '=?x-none?Q?a?='],
  ['nothing that is no word', '=?utf-8?X?a?= =?', '=?utf-8?X?a?= =?'],
  ['line breaks to blanks: header injection', '=?utf-8?Q?a=0D=0ABcc:_x?=', 'a Bcc: x'],
] as const)('decodes %s', (_, text, expected) => {
  expect(decodeEncodedWords(text)).toBe(expected);
});

test('decodes any text without throwing, and in linear time', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('=', '?', 'Q', 'b', 'utf-8', ' ', 'a', '_') }),
      (text) => {
        expect(typeof decodeEncodedWords(text)).toBe('string');
      },
    ),
  );
  expect(decodeEncodedWords('=?'.repeat(30_000))).toBe('=?'.repeat(30_000));
});

test.each([
  ['a bare address', 'a@b.example', [['a@b.example', 'a@b.example']]],
  ['a display name', 'A B <a@b.example>', [['A B <a@b.example>', 'a@b.example']]],
  [
    'a comma within quotes',
    '"B, A" <a@b.example>, c@d.example',
    [
      ['"B, A" <a@b.example>', 'a@b.example'],
      ['c@d.example', 'c@d.example'],
    ],
  ],
  ['an escaped quote', '"a\\",b" <a@b.example>', [['"a\\",b" <a@b.example>', 'a@b.example']]],
  ['a comment', 'a@b.example (A, the (first))', [['a@b.example (A, the (first))', 'a@b.example']]],
  [
    'a group',
    'Team: a@b.example, C <c@d.example>;',
    [
      ['a@b.example', 'a@b.example'],
      ['C <c@d.example>', 'c@d.example'],
    ],
  ],
  ['an empty group', 'undisclosed-recipients:;', []],
  ['an empty field', '', []],
  [
    'a source route',
    '<@x.example,@y.example:a@b.example>',
    [['<@x.example,@y.example:a@b.example>', 'a@b.example']],
  ],
  [
    'an encoded name that needs quotes',
    '=?utf-8?Q?M=C3=BCller=2C_A?= <a@b.example>',
    [['"Müller, A" <a@b.example>', 'a@b.example']],
  ],
  [
    'an encoded name that needs none',
    '=?utf-8?Q?M=C3=BCller?= <a@b.example>',
    [['Müller <a@b.example>', 'a@b.example']],
  ],
  [
    'an encoded name wrongly in quotes',
    '"=?utf-8?Q?M=C3=BCller?=" <a@b.example>',
    [['Müller <a@b.example>', 'a@b.example']],
  ],
] as const)('splits an address list with %s', (_, value, expected) => {
  expect(parseAddressList(value).map(({ text, address }) => [text, address])).toEqual(expected);
});

test('has a key only for a field that is there; To and Cc may both be missing', () => {
  expect(readCommonHeaders([], 'a@b.example')).toEqual({
    commonHeaders: { returnPath: 'a@b.example' },
    destination: [],
  });
});

test('names To and Cc as destination, each address once, and never Bcc', () => {
  const { commonHeaders, destination } = readCommonHeaders(
    [
      { name: 'TO', value: 'a@x.example, B <b@x.example>' },
      { name: 'Cc', value: 'b@x.example, c@x.example' },
      { name: 'Bcc', value: 'd@x.example' },
      { name: 'Reply-To', value: 'r@x.example' },
      { name: 'Sender', value: 'S <s@x.example>' },
      { name: 'Date', value: 'Mon, 23 Nov 2026 13:00:00 +0000' },
    ],
    '',
  );
  expect(destination).toEqual(['a@x.example', 'b@x.example', 'c@x.example']);
  expect(commonHeaders).toEqual({
    returnPath: '',
    date: 'Mon, 23 Nov 2026 13:00:00 +0000',
    to: ['a@x.example', 'B <b@x.example>'],
    cc: ['b@x.example', 'c@x.example'],
    bcc: ['d@x.example'],
    sender: 'S <s@x.example>',
    replyTo: ['r@x.example'],
  });
});
