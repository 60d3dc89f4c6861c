// The layers of DESIGN section 3 as a table, held against every import in src/ and infra/.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** folder → what it may import: `all` of a folder, or only its `types`. */
const mayImport: Record<string, Record<string, 'all' | 'types'>> = {
  'src/smtp': {},
  'src/server': { 'src/smtp': 'all' },
  'src/credentials': { 'src/smtp': 'types' },
  'src/policy': { 'src/smtp': 'types' },
  'src/bridge': { 'src/smtp': 'types', 'src/policy': 'types' },
  'src/archive': { 'src/bridge': 'all' },
  'src/subscriber': { 'src/bridge': 'types' },
  'src/telemetry': {},
  'src/config': {
    'src/smtp': 'types',
    'src/server': 'types',
    'src/credentials': 'types',
    'src/policy': 'types',
    'src/bridge': 'types',
    'src/telemetry': 'types',
  },
  infra: { 'src/config': 'all', 'src/telemetry': 'all' },
};
/** These wire the parts together and may import everything. */
const unrestricted = ['src/cli', 'src/app/start.ts', 'src/index.ts'];
/** The pure protocol: of Node.js only what computes. */
const pureBuiltins = ['node:buffer', 'node:crypto'];

const tops = ['src', 'infra'].filter((top) => existsSync(join(root, top)));
const files = tops.flatMap((top) =>
  readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(top, file)),
);
const imports = files.flatMap((file) =>
  [
    ...readFileSync(join(root, file), 'utf8').matchAll(
      /^\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*(?<dynamic>['"][^'"]+)['"]/gm,
    ),
  ].map((match) => ({
    file,
    typeOnly: match[1] !== undefined,
    specifier: match[2] ?? match.groups?.['dynamic']?.slice(1) ?? '',
  })),
);

function folderOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return top === 'src' ? `${top}/${second}` : top;
}

test('the reader found the sources and their imports', () => {
  expect(files.length).toBeGreaterThan(100);
  expect(imports.length).toBeGreaterThan(files.length);
});

test('every folder imports only what its layer may', () => {
  const broken: string[] = [];
  for (const { file, specifier, typeOnly } of imports) {
    if (!specifier.startsWith('.')) continue;
    const from = folderOf(file);
    const to = folderOf(relative(root, join(root, dirname(file), specifier)));
    if (from === to || unrestricted.includes(from)) continue;
    const right = mayImport[from]?.[to];
    if (right === 'all' || (right === 'types' && typeOnly)) continue;
    broken.push(`${file} imports ${specifier}${right === 'types' ? ' as more than a type' : ''}`);
  }
  expect(broken).toEqual([]);
});

test('every folder of src has a row in the table', () => {
  const folders = new Set(files.map(folderOf));
  const known = new Set([...Object.keys(mayImport), ...unrestricted]);
  expect([...folders].filter((folder) => !known.has(folder))).toEqual([]);
});

test('src/smtp is pure: no package, no socket, no file, no clock', () => {
  const smtp = files.filter((file) => folderOf(file) === 'src/smtp');
  const impure = imports
    .filter(({ file, specifier }) => smtp.includes(file) && !specifier.startsWith('.'))
    .filter(({ specifier }) => !pureBuiltins.includes(specifier))
    .map(({ file, specifier }) => `${file} imports ${specifier}`);
  const clocks = smtp.filter((file) =>
    /\bDate\.now\(|\bnew Date\(\)|\bsetTimeout\(|\bperformance\.now\(|\bprocess\./.test(
      readFileSync(join(root, file), 'utf8'),
    ),
  );
  expect([...impure, ...clocks]).toEqual([]);
});
