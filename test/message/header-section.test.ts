import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HEADER_SECTION_OCTETS, readHeaderSection } from '../../src/message/header-section.ts';

function fieldsOf(text: string | Buffer): string[] {
  return readHeaderSection(Buffer.from(text), true).fields.map(
    ({ name, value }) => `${name}|${value}`,
  );
}

test.each([
  ['one field', 'A: b\r\n\r\nbody: x', ['A|b']],
  ['fields in their order with their case', 'B: 1\r\na: 2\r\n\r\n', ['B|1', 'a|2']],
  ['a folded field, joined with one space', 'A: b\r\n \t c\r\n\td\r\n\r\n', ['A|b c d']],
  ['an empty field', 'A:\r\n\r\n', ['A|']],
  ['a field without a blank after its colon', 'A:b:c\r\n\r\n', ['A|b:c']],
  ['a blank before the colon (RFC 5322 section 4.5)', 'A : b\r\n\r\n', ['A|b']],
  ['none in an empty message', '', []],
  ['none when the message begins with the empty line', '\r\nA: b\r\n', []],
  ['a section that the message ends', 'A: b\r\nC: d', ['A|b', 'C|d']],
  ['lines that only LF ends', 'A: b\n c\nD: e\n\nF: g', ['A|b c', 'D|e']],
  ['nothing of a line that is no field', 'From me\r\nno colon\r\nA b: c\r\nA: b\r\n\r\n', ['A|b']],
  ['UTF-8 (RFC 6532)', 'A: grüß\r\n\r\n', ['A|grüß']],
] as const)('reads %s', (_, text, expected) => {
  expect(fieldsOf(text)).toEqual(expected);
});

test.each([
  ['windows-1252', 'A: gr\xfc\xdf \x80\r\n\r\n', ['A|grüß €']],
  [
    'UTF-8 in one field, windows-1252 in the next',
    'A: \xc3\xbc\r\nB: \xfc\r\n\r\n',
    ['A|ü', 'B|ü'],
  ],
  ['octets that windows-1252 does not have', 'A: a\x81\x8db\r\n\r\n', ['A|a\ufffdb']],
  [
    'an octet that would be a space',
    'A: \xc3\xa0\r\nB: \xa0x\xa0\r\n\r\n',
    ['A|à', 'B|\u00a0x\u00a0'],
  ],
  ['a name with such an octet as none', 'A\xa0: b\r\n\r\n', []],
  ['C1 controls in UTF-8', 'A: a\xc2\x9bb\xc2\x85c\r\n\r\n', ['A|a\ufffdb c']],
  ['a byte order mark', '\xef\xbb\xbfA: b\r\nB: \xef\xbb\xbfc\r\n\r\n', ['A|b', 'B|\ufeffc']],
  ['a byte order mark and nothing else', '\xef\xbb\xbf\r\nA: b\r\n\r\n', []],
] as const)('takes octets that are not ASCII: %s', (_, octets, expected) => {
  expect(fieldsOf(Buffer.from(octets, 'latin1'))).toEqual(expected);
});

// In front of, on and behind the four octets that are looked at together.
test.each(['', 'x', 'xx', 'xxx', 'xxxx', 'xxxxx'])(
  'has no control character in a value behind %j',
  (pad) => {
    expect(fieldsOf(`A: ${pad}a\0b\r\n\r\n`)).toEqual([`A|${pad}a\ufffdb`]);
    expect(fieldsOf(`A: ${pad}a\x01\x02\x7f\x1bb\r\n\r\n`)).toEqual([`A|${pad}a\ufffdb`]);
    expect(fieldsOf(`A: ${pad}a\x7f`)).toEqual([`A|${pad}a\ufffd`]);
    expect(fieldsOf(`A: ${pad}a\tb\r\n\tc\r\n\t\td\r\n\r\n`)).toEqual([`A|${pad}a b c d`]);
    expect(fieldsOf(`A: ${pad}a\rb\r\r\n\r\n`)).toEqual([`A|${pad}a b`]);
    expect(fieldsOf(`A: ${pad}a\x0b\x0c\r\n\r\n`)).toEqual([`A|${pad}a`]);
  },
);

test('drops a field that goes on past what is read, folded lines and all', () => {
  const head = `A: b\r\nTo: ${'\r\n <a@b.example>,'.repeat(5000)}\r\nSubject: s\r\n\r\n`;
  expect(head.length).toBeGreaterThan(HEADER_SECTION_OCTETS);
  expect(readHeaderSection(Buffer.from(head), true)).toEqual({
    fields: [{ name: 'A', value: 'b' }],
    truncated: true,
  });
});

test.each([
  ['behind a line end', 'A: b\r\nC: d\r\n', ['A|b']],
  ['within a line end', 'A: b\r\nC: d\r', ['A|b']],
  ['behind the first octet of a field', 'A: b\r\nC', ['A|b']],
  ['behind the blank of a folded line', 'A: b\r\nC: d\r\n ', ['A|b']],
  ['within the first field', 'A: b', []],
] as const)('cuts in front of a field that may go on: the head ends %s', (_, head, expected) => {
  const { fields, truncated } = readHeaderSection(Buffer.from(head), false);
  expect(fields.map(({ name, value }) => `${name}|${value}`)).toEqual(expected);
  expect(truncated).toBe(true);
});

test('looks at 64 KiB, cuts between fields, and says that there was more', () => {
  const long = `${'X-Filler: 0123456789\r\n'.repeat(4000)}Last: 1\r\n\r\nbody`;
  expect(long.length).toBeGreaterThan(HEADER_SECTION_OCTETS);
  const { fields, truncated } = readHeaderSection(Buffer.from(long), true);
  expect(truncated).toBe(true);
  expect(new Set(fields.map(({ value }) => value))).toEqual(new Set(['0123456789']));
});

test('says that there may be more when it sees only the start of a section', () => {
  expect(readHeaderSection(Buffer.from('A: b\r\nC: d'), false)).toEqual({
    fields: [{ name: 'A', value: 'b' }],
    truncated: true,
  });
});

test('never throws, and its fields never hold a control character, a line end or a lone surrogate', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (octets, isWhole) => {
      for (const { name, value } of readHeaderSection(Buffer.from(octets), isWhole).fields) {
        expect(name).toMatch(/^[!-9;-~]+$/);
        // oxlint-disable-next-line no-control-regex -- matches the control characters on purpose
        expect(value).toMatch(/^[^\0-\x1f\x7f-\x9f\u2028\u2029]*$/);
        expect(value.isWellFormed()).toBe(true);
      }
    }),
  );
});

test('reads of the start of a message the fields that it reads of the whole, as many as are complete', () => {
  const piece = fc.constantFrom(
    ...[
      'A: b',
      'C:',
      'd',
      ' ',
      '\t',
      '\r',
      '\n',
      '\r\n',
      '\r\n ',
      ':',
      '\0',
      '\xc3',
      '\xbc',
      '\xe9',
    ],
  );
  const message = fc
    .array(piece, { maxLength: 30 })
    .map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
  fc.assert(
    fc.property(message, fc.nat({ max: 60 }), (octets, length) => {
      const whole = readHeaderSection(octets, true).fields;
      const head = octets.subarray(0, length);
      const { fields, truncated } = readHeaderSection(head, length >= octets.length);
      expect(fields).toEqual(whole.slice(0, fields.length));
      if (!truncated) expect(fields).toEqual(whole);
    }),
    { numRuns: 5000 },
  );
});
