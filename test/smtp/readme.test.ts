// The page and the program say the same: the sequence table is the one that runs, and every test it names is there.
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VERBS } from '../../src/smtp/grammar/command-line.ts';
import { type StateName, transitions } from '../../src/smtp/state.ts';

const page = readFileSync(new URL('../../src/smtp/README.md', import.meta.url), 'utf8');

test('the sequence table of the README is the one of the session', () => {
  const states: StateName[] = ['connected', 'greeted', 'transaction', 'chunking'];
  const rows = VERBS.map((verb) => {
    const cells = states.map((state) => (transitions[state][verb] === undefined ? ' |' : ' yes |'));
    return `| ${verb} |${cells.join('')}`;
  });
  expect(page).toContain(`|---|---|---|---|---|\n${rows.join('\n')}\n`);
});

test('every test that the README names is there', () => {
  const named = [...page.matchAll(/`([a-z0-9/-]+\.(?:smtp|test\.ts))`/g)].map(
    ([, name = '']) => name,
  );
  expect(named.length).toBeGreaterThan(60);
  const missing = named.filter((name) => {
    const folder = name.endsWith('.smtp')
      ? 'transcripts/'
      : /^(?:fuzz|net)\//.test(name)
        ? '../'
        : '';
    return !existsSync(new URL(`${folder}${name}`, import.meta.url));
  });
  expect(missing).toEqual([]);
});

test('every file that the README names is there', () => {
  const folder = new URL('../../src/smtp/', import.meta.url);
  const table = page.slice(page.indexOf('| file |'), page.indexOf('## Sequence'));
  const named = [...table.matchAll(/`([a-z/-]+(?:\.ts|\/))`/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((name) => !existsSync(new URL(name, folder)))).toEqual([]);
});
