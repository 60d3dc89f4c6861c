import { expect, test } from 'vitest';
import { findCharset } from '../../src/message/charsets.ts';
import { decodeWindows1252, encodeWindows1252 } from '../../src/message/windows-1252.ts';
import { decodeEncodedWords } from '../../src/message/encoded-words.ts';

test.each([
  ['UTF-8 cut within a character', '=?utf-8?B?w6TD?= =?UTF-8?Q?=B6?=', 'äö'],
  [
    'UTF-8 cut within a character, over three words',
    '=?utf-8?Q?=E6?= =?utf-8?Q?=97?=  =?utf-8?Q?=A5?=',
    '日',
  ],
  ['UTF-8 cut within a character by text', '=?utf-8?Q?=C3?= x =?utf-8?Q?=A4?=', '\ufffd x \ufffd'],
  ['GBK cut within a character', '=?gb2312?Q?=D6?= =?gb2312?Q?=D0?=', '中'],
  [
    'ISO-2022-JP, each word by itself',
    '=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?= =?ISO-2022-JP?B?GyRCOGwbKEI=?=',
    '日本語',
  ],
  [
    'ISO-2022-JP with an escape sequence at the seam',
    '=?iso-2022-jp?Q?=1B$BF|K\\=1B(B=1B$B8l=1B(B?=',
    '日本語',
  ],
  [
    'ISO-2022-JP that goes on in the next word',
    '=?iso-2022-jp?Q?=1B$BF|?= =?iso-2022-jp?Q?K\\=1B(B?=',
    '日本',
  ],
  ['ISO-2022-JP and Latin letters', '=?iso-2022-jp?Q?Re:_=1B$BF|K\\=1B(B_x?=', 'Re: 日本 x'],
  [
    'ISO-2022-KR, each word by itself',
    '=?iso-2022-kr?B?GyQpQw5HUQ8=?= =?iso-2022-kr?Q?=1B$)C=0EGQ=0Fx?=',
    '한한x',
  ],
  ['UTF-7', '=?utf-7?Q?+AOQ-_+AOQ?= =?utf-7?Q?a?=', 'ä äa'],
  ['UTF-16 in two words', '=?utf-16le?B?5AA=?= =?utf-16le?B?//72AA==?=', 'äö'],
  ['half of a surrogate pair', '=?utf-16le?B?PdhhAA==?=', '\ufffda'],
  ['two charsets', '=?utf-8?Q?=C3=A4?= =?iso-8859-1?Q?=F6?=', 'äö'],
  ['UTF-8 as it is', '=?utf-8?Q?grüße_=C3=A4?=', 'grüße ä'],
  ['windows-1252 as it is', '=?iso-8859-1?Q?gr€ü=DF?=', 'gr€üß'],
  ['octets of GBK that were read as windows-1252', '=?gb2312?Q?ÖÐ?=', '中'],
  ['characters that the charset has not', '=?iso-8859-1?Q?日=E4本?=', '日ä本'],
  [
    'a word in an unknown charset with its blanks',
    '=?utf-8?Q?a?= =?x-none?Q?b?= =?utf-8?Q?c?=',
    'a =?x-none?Q?b?= c',
  ],
  [
    'two words in an unknown charset',
    '=?x-none?Q?a?=  =?x-none?Q?b?=',
    '=?x-none?Q?a?=  =?x-none?Q?b?=',
  ],
  ['windows-1252 without a character as U+FFFD', '=?windows-1252?Q?a=81=9Db?=', 'a\ufffdb'],
  [
    'C1 controls of UTF-8 as U+FFFD, and NEL as a blank',
    '=?utf-8?Q?a=C2=80b=C2=85c=E2=80=A8d?=',
    'a\ufffdb c d',
  ],
  ['NUL as U+FFFD', '=?utf-8?Q?a=00=00b?=', 'a\ufffdb'],
] as const)('decodes %s', (_, text, expected) => {
  expect(decodeEncodedWords(text)).toBe(expected);
});

// Each octet is é in its charset, or 한 (C7 D1), or 語 (8C EA).
test.each([
  ...[
    'latin-1',
    'latin1',
    'ISO8859-1',
    '8859-1',
    'iso-8859-1:1987',
    'cp1252',
    'x-cp1252',
    'WINDOWS_1252',
    'cp819',
  ].map((label) => [label, 'E9', 'é'] as const),
  ...['cp850', 'ibm850', 'IBM437', 'cp437', '850'].map((label) => [label, '82', 'é'] as const),
  ...['macintosh', 'x-mac-roman', 'MacRoman'].map((label) => [label, '8E', 'é'] as const),
  ...['utf8', 'UTF_8', 'unicode-1-1-utf-8', 'cp65001'].map(
    (label) => [label, 'C3A9', 'é'] as const,
  ),
  ...['cp949', 'ms949', 'ks_c_5601-1987', 'euc-kr'].map((label) => [label, 'C7D1', '한'] as const),
  ...['cp932', 'ms932', 'windows-31j', 'shift_jis', 'sjis', 'x-sjis'].map(
    (label) => [label, '8CEA', '語'] as const,
  ),
  ['iso-8859-15', 'A4', '€'],
  ['koi8-r', 'F0', 'П'],
  ['cp866', '8F', 'П'],
  ['x-mac-cyrillic', '8F', 'П'],
  ['tis-620', 'A1', 'ก'],
  ['viscii', 'D0', 'Đ'],
  ['cp936', 'D6D0', '中'],
  ['gb18030', '8139EE39', '㐀'],
  ['big5-hkscs', 'A4A4', '中'],
  ['euc-jp', 'C6FC', '日'],
  ['cp50221', '1B2442467C1B2842', '日'],
  ['utf-16be', '00E9', 'é'],
  ['utf-7', '2B414F6B2D', 'é'],
] as const)('knows the label %s', (label, hex, expected) => {
  expect(findCharset(label)?.decode(Buffer.from(hex, 'hex'))).toBe(expected);
});

test.each([
  '',
  'x',
  'base64',
  'hex',
  'binary',
  'x-unknown',
  'constructor',
  '__proto__',
  '_sbcs',
  'utf-9',
])('knows no charset %j', (label) => {
  expect(findCharset(label)).toBeUndefined();
});

test('windows-1252 goes both ways, but for characters that it does not have', () => {
  const octets = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
  const text = decodeWindows1252(octets);
  expect(text.slice(0x80, 0x8c)).toBe('€\u0081‚ƒ„…†‡ˆ‰Š‹');
  expect(encodeWindows1252(text)).toEqual(octets);
  expect(encodeWindows1252('日')).toBeUndefined();
  expect(encodeWindows1252('Ā')).toBeUndefined();
});
