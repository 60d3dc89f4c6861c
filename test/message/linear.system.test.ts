// Fields of 256 KiB, four times what is read of a header section, made to be slow. A step that is quadratic would take
// minutes for one of them, and its test would end at the timeout.
import { expect, test } from 'vitest';
import { parseAddressList } from '../../src/message/address-list.ts';
import { decodeEncodedWords } from '../../src/message/encoded-words.ts';
import { parseFields } from '../../src/message/header-section.ts';

const OCTETS = 256 * 1024;

const units = [
  ...['(', ')', '"', '\\', '<', '>', '[', ']', ':', ';', ',', '@', '.', ' ', '=', '=?', 'a'],
  ...['()', '(\\', '("', '"(', '<@', '<@,', '<,', '@[', '@a,', 'a:', 'a:;', 'a@', 'a. ', '" <'],
  ...['=?a?q?', '=?a?q?b?= ', '=?utf-8?q?b?= ', '=?utf-8?q?<', '(=?utf-8?q?a?=)', 'a <b@c> '],
  ...[
    '" " ',
    'a b@c ',
    ' ,',
    '?=',
    '?= ',
    '=?utf-8?q?',
    '=?utf-7?q?+-?= ',
    '=?iso-2022-jp?q?=1B(B?= ',
  ],
];

function hostile(unit: string): string[] {
  const run = unit.repeat(OCTETS / unit.length);
  return [run, `<@${run}`, `A ${run}x`, `"${run}`, `=?utf-8?q?${run}`, `=?utf-8?q?${run}?=`];
}

test.each(units)('an address list of %j over and over is read in linear time', (unit) => {
  for (const value of hostile(unit)) {
    expect(parseAddressList(value).length).toBeLessThanOrEqual(value.length);
  }
});

test.each(units)('encoded words in %j over and over are decoded in linear time', (unit) => {
  for (const value of hostile(unit)) {
    expect(decodeEncodedWords(value).length).toBeLessThanOrEqual(value.length);
  }
});

test.each([
  'utf-7',
  'utf-7-imap',
  'gb18030',
  'cp949',
  'big5-hkscs',
  'iso-2022-jp',
  'iso-2022-kr',
  'utf-32',
])('one long encoded word in %s is decoded in linear time', (label) => {
  for (const unit of [
    '+',
    '+-',
    '+A',
    '&',
    '&-',
    '=0E',
    '=0F',
    '=1B',
    '=1B(B',
    '=1B$B',
    '=81',
    '=810',
    '=FF',
    'a',
  ]) {
    const word = `=?${label}?Q?${unit.repeat(OCTETS / unit.length)}?=`;
    expect(decodeEncodedWords(word).length).toBeLessThanOrEqual(word.length);
  }
});

test.each([
  '\n',
  '\r',
  '\r\n',
  '\r\n ',
  '\n\t',
  ' ',
  ':',
  ':\n',
  'a',
  'a\n',
  'a \n',
  'a:\n ',
  'a:b\r',
  '\0',
  'a:\xff\n',
  '\t',
])('a header section of %j over and over is read in linear time', (unit) => {
  const run = unit.repeat(OCTETS / unit.length);
  for (const section of [run, `A:${run}`, `A:${run}x`, `A: b${run}:`, `A${run}:`]) {
    expect(parseFields(Buffer.from(section, 'latin1')).length).toBeLessThanOrEqual(OCTETS);
  }
});
