import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderMail } from '../../src/app/local/render.ts';
import { printable, printableJson, printableLines } from '../../src/app/printable.ts';
import { renderTable } from '../../src/cli/frame/text-table.ts';

const HOSTILE: readonly [string, string][] = [
  ['the escape of a terminal', '\u001b[2J'],
  ['a C1 control', '\u009b2J'],
  ['a line end', 'a\r\nb'],
  ['a right-to-left override', 'gnp.\u202eexe'],
  ['an isolate', '\u2066x\u2069'],
  ['a left-to-right mark', '\u200e'],
  ['a zero-width space', 'a\u200bb'],
  ['a line separator', 'a\u2028b'],
  ['a tag character', '\u{e0041}'],
  ['half a character', '\ud83d'],
];
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

test.each(HOSTILE)('what is printed has no character that steers or hides: %s', (_, text) => {
  expect(printable(text)).not.toMatch(UNSAFE);
  expect(printableLines(text).replaceAll('\n', '')).not.toMatch(UNSAFE);
  const json = printableJson({ text });
  expect(json).not.toMatch(UNSAFE);
  expect(JSON.parse(json)).toEqual({ text });
});

test.each(HOSTILE)('the line of a mail in local shows none of it: %s', (_, text) => {
  const line = renderMail({
    at: '2026-11-23T12:00:00.000Z',
    messageId: 'm',
    reversePath: `a${text}@b.example`,
    recipients: [`${text}@in.example`],
    sizeInOctets: 1,
    objects: ['s3://b/k'],
  });
  expect(line).not.toMatch(UNSAFE);
});

test.each(HOSTILE)('a table, such as that of credentials list, shows none of it: %s', (_, text) => {
  const table = renderTable(['NAME', 'NOTE'], [['ann', text]]);
  expect(table.replaceAll('\n', '')).not.toMatch(UNSAFE);
  expect(table.split('\n')).toHaveLength(3);
});

test('letters of all scripts, and what is between them, are printed as they are', () => {
  for (const text of ['Grüße', 'пример', '例え', 'مثال', 'a b', 'naïve ✓ 🎉']) {
    expect(printable(text)).toBe(text);
  }
});

test('no command has another way to make text printable', () => {
  const root = new URL('../../src/cli/', import.meta.url);
  const others = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .filter((file) =>
      /\.replace(?:All)?\(\s*\/[^\n]*\\p\{C/.test(readFileSync(new URL(file, root), 'utf8')),
    );
  expect(others).toEqual([]);
});
