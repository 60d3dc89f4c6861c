// src/ERRORS.md against the classes: each has a stable code, and the page has each code, and no other.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(root, 'src/ERRORS.md'), 'utf8');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly files: readonly string[];
};

interface ErrorClass {
  readonly name: string;
  readonly file: string;
  readonly body: string;
  readonly code: string | undefined;
}

const sources = ['src', 'infra'].flatMap((top) =>
  readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => join(top, file)),
);
const classes = sources.flatMap((file) => {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/^(?:export )?class (\w+) extends \w*Error \{\n([^]*?)^\}/gm)].map(
    ([, name = '', body = '']): ErrorClass => ({
      name,
      file,
      body,
      code: /^ {2}readonly code = '(\w+)';$/m.exec(body)?.[1],
    }),
  );
});

/** Caught where they are thrown, or made to look like an error of the SDK: nobody meets them under their names. */
const INTERNAL = [
  'BadAttribute',
  'FastPathError',
  'HttpStalledError',
  'PublishEntryError',
  'SpfError',
];

const rows = [...page.matchAll(/^\| `(MAILSLUICE_\w+)` \| `(\w+)` \|(.*)\|$/gm)].map(
  ([, code = '', name = '', rest = '']) => ({ code, name, cells: rest.split(' | ') }),
);

test('the reader finds the classes and the rows', () => {
  expect(classes.length).toBeGreaterThan(20);
  expect(rows.length).toBeGreaterThan(15);
});

test('no class that ends in Error escapes the reader', () => {
  const all = sources.flatMap((file) =>
    [
      ...readFileSync(join(root, file), 'utf8').matchAll(/\bclass (\w+)[^{]*?extends \w*Error\b/g),
    ].map(([, name = '']) => name),
  );
  expect(classes.map(({ name }) => name).sort()).toEqual(all.sort());
});

test('each class has a unique code, and its name', () => {
  const codeless = classes.filter(({ code }) => code === undefined).map(({ name }) => name);
  expect(codeless.sort()).toEqual(INTERNAL);
  const coded = classes.filter(({ code }) => code !== undefined);
  expect(new Set(coded.map(({ code }) => code)).size).toBe(coded.length);
  for (const { name, body, code } of coded) {
    expect(code).toMatch(/^MAILSLUICE_[A-Z]+(_[A-Z]+)*$/);
    expect(body).toContain(`override readonly name = '${name}';`);
  }
});

test('the page has each class with its code, and nothing else', () => {
  const inCode = classes.flatMap(({ code, name }) =>
    code === undefined ? [] : [`${code} ${name}`],
  );
  const inPage = rows.map(({ code, name }) => `${code} ${name}`);
  expect(inPage.sort()).toEqual(inCode.sort());
});

test('each row says where it comes from, what it means and what to do', () => {
  for (const { cells } of rows) {
    expect(cells).toHaveLength(3);
    for (const cell of cells) expect(cell.trim()).not.toBe('');
  }
});

test('the page is in the npm package', () => {
  expect(manifest.files).toContain('src/ERRORS.md');
});
