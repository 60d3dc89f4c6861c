// Names in the runbook that a reader looks up elsewhere: log queries, log events, graphs of the dashboard.
import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { LOG_QUERIES } from '../../../infra/watch/log-queries.ts';
import { limitLines } from '../../../src/app/report/line-limit.ts';
import { LOGGED_FIELDS } from '../../app/report/events-table.ts';
import { keptLog } from '../../support/kept-log.ts';
import { resourcesOf, synthBridge } from '../support.ts';

const runbook = readFileSync(
  new URL('../../../infra/RUNBOOK.md', import.meta.url),
  'utf8',
).replaceAll(/\s+/g, ' ');

function named(pattern: RegExp): string[] {
  return [...runbook.matchAll(pattern)].map(([, name = '']) => name).sort();
}

describe('the log queries', () => {
  test('the log queries that the runbook names are all that there are', () => {
    const queries = new Set(named(/query \*([^*]+)\*/gi));
    expect([...queries].sort()).toEqual(Object.keys(LOG_QUERIES).sort());
  });

  test.each(Object.entries(LOG_QUERIES))(
    'the log query %s: its fields are logged together',
    (_, query) => {
      const text = [
        ...(query.fields ?? []),
        ...(query.filterStatements ?? []),
        ...(query.statsStatements ?? []),
      ].join(' ');
      const fields = fieldsIn(text);
      const events = [...text.matchAll(/event = "([a-z-]+)"/g)].map(([, event = '']) => event);
      for (const event of events) {
        const known = LOGGED_FIELDS.get(event);
        expect([event, known]).toEqual([event, expect.any(Array)]);
        expect(fields.filter((field) => known?.includes(field) === false)).toEqual([]);
      }
      if (events.length > 0) return;
      // What is asked for everywhere is in some event; what is required together is in one.
      const all = new Set([...LOGGED_FIELDS.values()].flat());
      expect(fields.filter((field) => !all.has(field))).toEqual([]);
      const required = [...text.matchAll(/ispresent\((\w+)\)/g)].map(([, field = '']) => field);
      const grouped = fieldsIn((query.statsStatements ?? []).join(' '));
      const together = [...LOGGED_FIELDS.values()].filter((known) =>
        [...required, ...grouped].every((field) => known.includes(field)),
      );
      expect(together).not.toEqual([]);
    },
  );
});

test('no log query counts a line that may stand for several as one', () => {
  const statements = Object.values(LOG_QUERIES).flatMap(
    ({ statsStatements = [] }) => statsStatements,
  );
  expect(statements.length).toBeGreaterThan(3);
  for (const statement of statements) {
    expect(statement).toMatch(/^sum\(coalesce\(repeated, 1\)\) as \w+ by [\w, ]+$/);
  }
});

test('a line for several events, as the program writes it, has the fields that the log queries group by', () => {
  vi.useFakeTimers();
  try {
    const { lines, log } = keptLog();
    const limited = limitLines(log);
    const grouped = Object.values(LOG_QUERIES).flatMap(({ filterStatements, statsStatements }) => {
      const [, event] = /event = "([a-z-]+)"/.exec(String(filterStatements)) ?? [];
      const [, names] = / by (.*)$/.exec(String(statsStatements)) ?? [];
      return event === undefined || names === undefined
        ? []
        : [{ event, names: names.split(', ') }];
    });
    expect(grouped.length).toBeGreaterThan(3);
    for (const { event, names } of grouped) {
      const fields = Object.fromEntries(names.map((name) => [name, `a ${name}`]));
      for (let line = 0; line < 50; line += 1) limited.info(event, { ...fields, sessionId: 's' });
      vi.advanceTimersByTime(65_000);
      const written = lines.splice(0);
      for (const each of written) expect(each).toMatchObject(fields);
      const sum = written.reduce((all, { repeated }) => all + Number(repeated ?? 1), 0);
      expect([event, written.length < 50, sum]).toEqual([event, true, 50]);
    }
    limited.close();
  } finally {
    vi.useRealTimers();
  }
});

/** The names of log fields in a query; `level` and `event` are in every line. */
function fieldsIn(query: string): string[] {
  const words = query.replaceAll(/"[^"]*"|\/[^/]*\/|as \w+/g, '').match(/(?<![@\w])[A-Za-z]\w*/g);
  return (words ?? []).filter((word) => !QUERY_WORDS.has(word));
}

/** Of the query language, and of every line. */
const QUERY_WORDS = new Set(
  'like by and or ispresent sum coalesce event level repeated'.split(' '),
);

test('the events that the runbook names are logged', () => {
  const names = named(/`([a-z]+(?:-[a-z]+)+)`/g);
  // Values of `cause` in `message-deferred` and `sign-in-refused`, of `reason` in `outbox-skipped` and `scan-failed`, of `fault` in
  // `list-failed`, and of `rule` in `ended`.
  const causes = new Set([
    'breaker-open',
    'duplicate-under-way',
    'client-share',
    'listener-share',
    'other-version',
    'wrong-secret',
    'too-many-commands',
    'too-many-errors',
    'too-many-sign-in-failures',
    'circuit-open',
    'error-code',
    'everything-listed',
  ]);
  expect(names).toContain('aws-misconfigured');
  expect(names.filter((name) => !LOGGED_FIELDS.has(name) && !causes.has(name))).toEqual([]);
});

test('the graphs that the runbook names are on the dashboard', () => {
  const { template } = synthBridge(() => ({}));
  const [dashboard] = Object.values(resourcesOf(template, 'AWS::CloudWatch::Dashboard'));
  const body = JSON.stringify(dashboard?.Properties['DashboardBody']).replaceAll('\\', '');
  const graphs = named(/graphs? \*([^*]+)\*/g).concat(named(/graphs \*[^*]+\* and \*([^*]+)\*/g));
  expect(graphs.length).toBeGreaterThan(4);
  expect(graphs.filter((title) => !body.includes(`"title":"${title}"`))).toEqual([]);
});
