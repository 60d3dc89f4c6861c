// The rules of the layout, checked for every file of src/ and infra/: imports point to lower layers, no import
// closes a cycle (type imports counted), and no file is too long. ARCHITECTURE.md gives the reasons; its layers are
// compared with the table here, and the paths that it and CONTRIBUTING.md name with the files that there are.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

type Right = 'all' | 'types';

/** folder → what it may import: all of a folder, or only its types. */
const mayImport: Readonly<Record<string, Readonly<Record<string, Right>>>> = {
  'src/smtp': {},
  'src/net': {},
  'src/message': {},
  'src/counters': {},
  'src/policy': { 'src/smtp': 'types', 'src/net': 'all', 'src/counters': 'all' },
  'src/server': { 'src/smtp': 'all', 'src/net': 'all', 'src/counters': 'all' },
  'src/testing': { 'src/smtp': 'types', 'src/server': 'all' },
  'src/credentials': {
    'src/smtp': 'types',
    'src/counters': 'all',
    'src/net': 'all',
    'src/policy': 'types',
  },
  'src/verify': {
    'src/smtp': 'types',
    'src/net': 'all',
    'src/message': 'all',
    'src/counters': 'all',
  },
  'src/bridge': {
    'src/smtp': 'types',
    'src/message': 'all',
    'src/policy': 'types',
    'src/verify': 'types',
  },
  'src/archive': { 'src/bridge': 'all', 'src/message': 'all' },
  'src/subscriber': { 'src/bridge/contract': 'types', 'src/message': 'all' },
  'src/telemetry': {},
  // The pattern parser alone: the schema refuses what the routes would refuse.
  'src/config': {
    'src/policy/address-pattern.ts': 'all',
    'src/policy/destination-rules.ts': 'all',
  },
  'src/cli': {
    'src/app': 'all',
    'src/archive': 'all',
    'src/credentials': 'all',
    'src/policy': 'all',
    'src/config': 'all',
    'src/bridge': 'all',
  },
  infra: {
    'src/config': 'all',
    'src/telemetry/metric-names.ts': 'all',
    'src/bridge/contract': 'all',
  },
};
/** folder → what it may not import. `src/app` wires all parts together; `src/index.ts` is the library. */
const unrestricted: Readonly<Record<string, readonly string[]>> = {
  'src/app': ['src/cli', 'infra'],
  'src/index.ts': ['src/cli', 'src/app', 'infra'],
};
/** The pure protocol: of Node.js only what computes. */
const pureBuiltins = ['node:buffer', 'node:crypto'];
const purePlaces = ['src/smtp'];
/** A file that needs more is two files. */
const MAX_LINES = 450;

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

const files = ['src', 'infra'].flatMap((top) =>
  readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(top, file)),
);
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
const imports = files.flatMap((file) => importsOf(file, texts.get(file) ?? ''));

function importsOf(file: string, text: string): Import[] {
  const pattern =
    /^\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"](?<dynamic>[^'"]+)['"]/gm;
  return [...text.matchAll(pattern)].map((match) => ({
    file,
    typeOnly: match[1] !== undefined,
    specifier: match[2] ?? match.groups?.['dynamic'] ?? '',
  }));
}

/** The file that a relative import names. */
function targetOf({ file, specifier }: Import): string {
  return relative(root, join(root, dirname(file), specifier));
}

function folderOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return top === 'src' ? `${top}/${second}` : top;
}

/** The right that `from` has to `target`: by its folder, a folder in it, or the file itself. */
function rightTo(from: string, target: string): Right | undefined {
  if (from === folderOf(target)) return 'all';
  const denied = unrestricted[from];
  if (denied !== undefined) return denied.includes(folderOf(target)) ? undefined : 'all';
  const rights = Object.entries(mayImport[from] ?? {});
  return rights.find(([place]) => target === place || target.startsWith(`${place}/`))?.[1];
}

test('the reader finds the sources and their imports', () => {
  expect(files.length).toBeGreaterThan(200);
  expect(imports.length).toBeGreaterThan(files.length);
});

test('every folder imports only what the table allows', () => {
  const broken: string[] = [];
  for (const each of imports) {
    if (!each.specifier.startsWith('.')) continue;
    const right = rightTo(folderOf(each.file), targetOf(each));
    if (right === 'all' || (right === 'types' && each.typeOnly)) continue;
    const how = right === 'types' ? ' as more than a type' : '';
    broken.push(`${each.file} imports ${each.specifier}${how}`);
  }
  expect(broken).toEqual([]);
});

test('every folder of src has a row in the table', () => {
  const folders = new Set(files.map(folderOf));
  const known = new Set([...Object.keys(mayImport), ...Object.keys(unrestricted)]);
  expect([...folders].filter((folder) => !known.has(folder))).toEqual([]);
});

describe('the layers in ARCHITECTURE.md', () => {
  const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const section = page.split('\n## Layers\n')[1]?.split('\n## ')[0] ?? '';

  test('have the rights of the table', () => {
    const rows = [...section.matchAll(/^\| `(.+?)` \| .+? \| (.+?) \| .+? \|$/gm)];
    const written = rows.map(([, folder = '', rights = '']) => [folder, rights]);
    const restricted = Object.entries(mayImport).map(([folder, rights]) => {
      const places = Object.entries(rights).map(
        ([place, right]) => `\`${place}\`${right === 'types' ? ' (types)' : ''}`,
      );
      return [folder, places.join(', ') || 'nothing'];
    });
    const others = Object.entries(unrestricted).map(([folder, denied]) => [
      folder,
      `everything but ${denied.map((place) => `\`${place}\``).join(', ')}`,
    ]);
    expect(written).toHaveLength(restricted.length + others.length);
    expect(Object.fromEntries(written)).toEqual(Object.fromEntries([...restricted, ...others]));
  });

  test('are drawn so that every import points to a lower layer', () => {
    const layers = new Map<string, number>();
    for (const [, layer = '', inside = ''] of section.matchAll(
      /subgraph layer(\d)\[[^\]]*\]\n([^]*?)\n {2}end/g,
    )) {
      for (const [, folder = ''] of inside.matchAll(/\["(.+?)"\]/g)) {
        layers.set(folder, Number(layer));
      }
    }
    expect([...layers.keys()].toSorted()).toEqual(
      [...Object.keys(mayImport), ...Object.keys(unrestricted)].toSorted(),
    );
    const layerOf = (place: string): number => layers.get(folderOf(place)) ?? Infinity;
    const wrong = Object.entries(mayImport).flatMap(([folder, rights]) =>
      Object.keys(rights).filter((place) => layerOf(place) >= layerOf(folder)),
    );
    expect(wrong).toEqual([]);
  });
});

test.each(['ARCHITECTURE.md', 'CONTRIBUTING.md'])('every path that %s names exists', (name) => {
  const page = readFileSync(join(root, name), 'utf8');
  const places = [
    ...page.matchAll(/(?<![\w./])((?:src|infra|test|\.ci)\/[\w./-]*\w|[A-Z]+\.md)/g),
  ].map(([, place = '']) => place);
  expect(places.length).toBeGreaterThan(20);
  expect([...new Set(places)].filter((place) => !existsSync(join(root, place)))).toEqual([]);
});

test('every npm script that CONTRIBUTING.md names exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const page = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
  const named = [...page.matchAll(/\bnpm run ([\w:]+)/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});

test('no import closes a cycle, type imports counted', () => {
  const next = new Map<string, string[]>(files.map((file) => [file, []]));
  for (const each of imports) {
    if (each.specifier.startsWith('.')) next.get(each.file)?.push(targetOf(each));
  }
  expect(cyclesIn(next)).toEqual([]);
});

test('the search for cycles finds one', () => {
  const next = new Map([
    ['a', ['b']],
    ['b', ['c']],
    ['c', ['b']],
    ['d', ['a']],
  ]);
  expect(cyclesIn(next)).toEqual(['b → c → b']);
});

test(`no source file has more than ${MAX_LINES} lines`, () => {
  const long = [...texts]
    .map(([file, text]) => ({ file, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ file, lines }) => `${file}: ${lines}`);
  expect(long).toEqual([]);
});

test('src/smtp is pure: no package, no socket, no file, no clock', () => {
  const pure = files.filter((file) => purePlaces.includes(folderOf(file)));
  expect(pure.length).toBeGreaterThan(30);
  const impure = imports
    .filter(({ file, specifier }) => pure.includes(file) && !specifier.startsWith('.'))
    .filter(({ specifier }) => !pureBuiltins.includes(specifier))
    .map(({ file, specifier }) => `${file} imports ${specifier}`);
  const clocks = pure.filter((file) =>
    /\bDate\.now\(|\bnew Date\(\)|\bsetTimeout\(|\bperformance\.now\(|\bprocess\./.test(
      texts.get(file) ?? '',
    ),
  );
  expect([...impure, ...clocks]).toEqual([]);
});

/** Each cycle once, from the file where the walk entered it. */
function cyclesIn(next: ReadonlyMap<string, readonly string[]>): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at !== -1) {
      cycles.push([...path.slice(at), file].join(' → '));
      return;
    }
    if (done.has(file)) return;
    for (const target of next.get(file) ?? []) walk(target, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) walk(file, []);
  return cycles;
}
