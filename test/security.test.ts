// The limits that SECURITY.md promises are the defaults of the program.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  REASONS_OF_CLIENT,
  WHOLE_LINES,
  WHOLE_LINES_OF_CLIENT,
} from '../src/app/report/line-limit.ts';
import { parseConfiguration } from '../src/config/index.ts';
import { budgetOf } from '../src/smtp/session-cost.ts';
import { usualOptions } from './support/session.ts';

const page = readFileSync(new URL('../SECURITY.md', import.meta.url), 'utf8');
/** The limits. */
const rows = [...page.matchAll(/^\| ([^|]+) \| ([^|]+) \|(?: (`[^|]+`))? \|$/gm)];

const configuration = parseConfiguration({
  hostname: 'mx.example.com',
  listeners: [{ name: 'mx', port: 2525 }],
  tls: { certificates: [{ certFile: 'mx.crt', keyFile: 'mx.key' }] },
  store: { bucket: 'mail-bucket' },
  notify: { topicArn: 'arn:aws:sns:eu-west-1:111122223333:mail' },
  credentials: { table: 'mail-credentials' },
});

function defaultOf(setting: string): unknown {
  return setting
    .split('.')
    .reduce<unknown>((section, name) => Object(section)[name] as unknown, configuration);
}

test('the limits that SECURITY.md names are the defaults of their settings', () => {
  const named = rows.flatMap(([, , value = '', settings = '']) => {
    const numbers = [...value.replaceAll(',', '').matchAll(/\d+/g)].map(Number);
    const names = [...settings.matchAll(/`([\w.]+)`/g)].map(([, name = '']) => name);
    return names.length === 0 || names.length !== numbers.length
      ? []
      : names.map((name, at) => [name, numbers[at]] as const);
  });
  // Of the age of a session the page gives minutes.
  const expected = named.map(([name]) => {
    const value = defaultOf(name);
    return [name, name === 'limits.maxSessionAge' ? Number(value) / 60 : value];
  });
  // Of the connections, the second number is that of one client.
  expect(named.length).toBeGreaterThanOrEqual(6);
  expect(named).toEqual(expected);
});

test('the budget of a session and the lines of a client are those that SECURITY.md names', () => {
  const cells = rows.map(([, what = '', value = '']) => `${what}: ${value}`);
  expect(budgetOf(usualOptions)).toBe(32_000);
  expect(cells.find((cell) => cell.startsWith('cost of a session'))).toContain('32,000');
  expect([WHOLE_LINES, WHOLE_LINES_OF_CLIENT, REASONS_OF_CLIENT]).toEqual([20, 200, 100]);
  expect(cells.find((cell) => cell.startsWith('log lines'))).toContain(
    '200 whole, and one for each of 100',
  );
  expect(page).toContain('twenty a minute are written, 200 for all reasons');
});

/** The promises: each with the files and the names of its tests. */
const promises = [...page.matchAll(/^\| (.+) \| (\[.+\]\(test\/.+) \|$/gm)].map(
  ([, promise = '', tests = '']) => ({
    promise,
    tests: tests.split('<br>').map((test) => {
      const [, file = '', name = ''] = /^\[[\w.-]+\]\(([\w/.-]+)\): (.+)$/.exec(test) ?? [];
      return { file, name };
    }),
  }),
);

test('SECURITY.md names a test for each promise', () => {
  expect(promises.length).toBeGreaterThan(20);
  const system = promises.filter(({ tests }) => tests.some(({ file }) => file.startsWith('test/')));
  expect(system).toEqual(promises);
});

test.each(promises)('the tests of the promise "$promise" are there', ({ tests }) => {
  for (const { file, name } of tests) {
    const source = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
    const quoted = [`'${name}'`, `\`${name}`].some((text) => source.includes(text));
    expect([file, name, quoted]).toEqual([file, name, true]);
  }
});
