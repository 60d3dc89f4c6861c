// What the two READMEs of the server say in tables, held against the code.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/server/index.ts';
import { Pause } from '../../src/server/socket-pauses.ts';

const folder = new URL('../../src/server/', import.meta.url);
const page = readFileSync(new URL('README.md', folder), 'utf8');
const library = readFileSync(new URL('../README.md', folder), 'utf8');

/** The rows of the table under a heading, as their cells. */
function rowsUnder(text: string, heading: string): string[][] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

test('src/server/README.md lists every file of the folder', () => {
  const listed = rowsUnder(page, 'Files').map(([file = '']) => file.replaceAll('`', ''));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  expect(listed.toSorted()).toEqual(files.filter((file) => file.endsWith('.ts')).toSorted());
});

test('src/server/README.md lists every reason to pause a socket', () => {
  const listed = rowsUnder(page, 'Limits and back-pressure').map(([reason = '']) => reason);
  expect(listed).toEqual(Object.keys(Pause).map((reason) => `\`${reason}\``));
});

test('src/README.md lists every limit with its default', () => {
  const listed = rowsUnder(library, 'Limits').map(([name = '', value = '']) => [
    name.replaceAll('`', ''),
    value === 'none' ? undefined : Number(value.replaceAll(',', '')),
  ]);
  expect(Object.fromEntries(listed)).toEqual({
    ...DEFAULT_LIMITS,
    maxRecipientDomains: undefined,
  });
});
