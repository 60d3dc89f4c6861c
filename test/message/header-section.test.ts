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

test('takes octets that are no UTF-8 for themselves', () => {
  expect(fieldsOf(Buffer.from('A: gr\xfc\xdf\r\n\r\n', 'latin1'))).toEqual(['A|grüß']);
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

test('never throws, and its fields never hold a line break', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.boolean(), (octets, isWhole) => {
      for (const { name, value } of readHeaderSection(Buffer.from(octets), isWhole).fields) {
        expect(name).toMatch(/^[!-9;-~]+$/);
        expect(value).not.toContain('\n');
      }
    }),
  );
});
