// A test that a lane forgets runs nowhere, and a socket in the unit lane makes it slow.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, matchesGlob } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { serviceFiles, systemFiles, unitFiles } from './support/lanes.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  // The peers of the benchmarks are installed below `test`.
  .filter((file) => /\.(test|spec)\.ts$/.test(file) && !file.includes('node_modules'))
  .map((file) => join('test', file));

const isIn = (file: string, patterns: readonly string[]): boolean =>
  patterns.some((pattern) => matchesGlob(file, pattern));

const lanes = {
  unit: (file: string) => isIn(file, unitFiles),
  service: (file: string) => isIn(file, serviceFiles.include) && !isIn(file, serviceFiles.exclude),
  system: (file: string) => isIn(file, systemFiles),
};

/** What only a test of running programs imports. */
const outside = ['node:child_process', 'node:http', 'node:https', 'node:net', 'node:tls'];

/** The modules outside that a test file imports, by itself or by its helpers. */
function outsideOf(file: string, seen: Set<string> = new Set()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const pattern = /^\s*(?:import|export)\s+(?!type\s)(?:[^'";]*?\sfrom\s*)?'([^']+)'/gm;
  return [...readFileSync(join(root, file), 'utf8').matchAll(pattern)].flatMap(
    ([, specifier = '']) => {
      if (outside.includes(specifier)) return [`${file} imports ${specifier}`];
      const target = join(dirname(file), specifier);
      if (target.includes('/app/local/')) return [`${file} imports ${specifier}`];
      return specifier.startsWith('.') && target.startsWith('test/') && target.endsWith('.ts')
        ? outsideOf(target, seen)
        : [];
    },
  );
}

test('every test file is in exactly one lane', () => {
  const wrong = files.filter((file) => Object.values(lanes).filter((is) => is(file)).length !== 1);
  expect(wrong).toEqual([]);
});

test.each(Object.entries(lanes))('the %s lane has test files', (_, is) => {
  expect(files.filter(is).length).toBeGreaterThan(3);
});

test('no test of the unit lane opens a socket, starts a program or uses the embedded AWS', () => {
  expect(files.filter(lanes.unit).flatMap((file) => outsideOf(file))).toEqual([]);
});

test('the search for sockets finds one', () => {
  expect(outsideOf('test/policy/rate-limit.live.test.ts')).not.toEqual([]);
});
