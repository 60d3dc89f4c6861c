// src/bridge/FAILURES.md names the test that injects each fault. Here the page is held against the tests.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const page = fileURLToPath(new URL('../../src/bridge/FAILURES.md', import.meta.url));
const text = readFileSync(page, 'utf8');

interface Reference {
  readonly file: string;
  readonly name: string;
  /** Rows of a `test.each`. */
  readonly cases: readonly string[];
}

/** [`file`](path) "name" (`case`, `case`), "another name of the same file" */
function referencesIn(line: string): Reference[] {
  return [...line.matchAll(/\[`[^`]+`\]\(([^)]+)\)([^[]*)/g)].flatMap(([, path = '', names = '']) =>
    [...names.matchAll(/"([^"]+)"(?: \(((?:`[^`]+`(?:, )?)+)\))?/g)].map(
      ([, name = '', cases = '']) => ({
        file: join(dirname(page), path),
        name,
        cases: [...cases.matchAll(/`([^`]+)`/g)].flatMap(([, each]) => (each ? [each] : [])),
      }),
    ),
  );
}

/** As a string literal may write it. */
function isIn(source: string, literal: string): boolean {
  return source.includes(literal) || source.includes(literal.replaceAll("'", "\\'"));
}

const rows = text.split('\n').filter((line) => /^\| (?!Fault|---)/.test(line));

test('the page has its rows, and every row names a test', () => {
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter((row) => referencesIn(row).length === 0)).toEqual([]);
});

test('every test that the page names exists, with the cases that it names', () => {
  const missing = text
    .split('\n')
    .flatMap(referencesIn)
    .flatMap(({ file, name, cases }) => {
      if (!existsSync(file)) return [file];
      const source = readFileSync(file, 'utf8');
      return [name, ...cases]
        .filter((each) => !isIn(source, each))
        .map((each) => `${file}: ${each}`);
    });
  expect(missing).toEqual([]);
});

test('the check notices a test that is not there', () => {
  const [reference] = referencesIn('[`x.test.ts`](../../x.test.ts) "a name" (`one`, `two`)');
  expect(reference).toMatchObject({ name: 'a name', cases: ['one', 'two'] });
  expect(isIn("test('another name', () => {", 'a name')).toBe(false);
});
