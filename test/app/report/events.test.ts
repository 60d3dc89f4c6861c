// Each event has one owner, one line and its metrics, as the table says: every kind is put through the reports.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { AppEvent } from '../../../src/app/report/app.ts';
import type { BridgeEvent } from '../../../src/bridge/index.ts';
import type { CredentialEvent } from '../../../src/credentials/index.ts';
import type { ServerEvent } from '../../../src/server/index.ts';
import type { Note } from '../../../src/smtp/index.ts';
import type { VerifyEvent } from '../../../src/app/report/verify.ts';
import { EVENT_ROWS, LOGGED_FIELDS, renderEventsTable } from './events-table.ts';
import { startReports } from './recorder.ts';
import {
  appEvents,
  bridgeEvents,
  credentialEvents,
  notes,
  outcome,
  peer,
  refused,
  serverEvents,
  verifyEvents,
} from './samples.ts';

type Reports = ReturnType<typeof startReports>;
type Give = (reports: Reports) => void;

/** By owner and kind: the samples, ready to be given to their report. */
const given = new Map<string, readonly Give[]>([
  ...gifts<ServerEvent>('server', serverEvents, (reports, event) => reports.server(event)),
  ...gifts<Note>('server', notes, (reports, note) => reports.server({ kind: 'note', peer, note })),
  ...gifts<BridgeEvent>('bridge', bridgeEvents, (reports, event) => reports.bridge(event)),
  ...gifts<CredentialEvent>('credentials', credentialEvents, (reports, event: CredentialEvent) =>
    reports.credentials(event),
  ),
  ...gifts<VerifyEvent>('verify', verifyEvents, (reports, event) => reports.verify(event)),
  ...gifts<AppEvent>('app', appEvents, (reports, event) => reports.app(event)),
]);

function gifts<E>(
  owner: string,
  samples: Readonly<Record<string, readonly E[]>>,
  give: (reports: Reports, event: E) => void,
): [string, Give[]][] {
  return Object.entries(samples).map(([kind, events]) => [
    `${owner} ${kind}`,
    events.map((event) => (reports: Reports) => give(reports, event)),
  ]);
}

describe('the table of events', () => {
  test('the table of events has every kind of event, and no other', () => {
    // `certificate-served` is the line of each certificate in `certificates-served`.
    const rows = EVENT_ROWS.map(({ owner, kind }) => `${owner} ${kind}`);
    expect(rows.filter((row) => row !== 'server certificate-served').sort()).toEqual(
      [...given.keys()].sort(),
    );
  });

  test('the table of events gives every log line one owner', () => {
    const logged = EVENT_ROWS.filter(({ event }) => event.level !== 'none').map(({ kind }) => kind);
    expect(logged).toHaveLength(new Set(logged).size);
  });

  test('the table of events names the line that tells of an event without one', () => {
    for (const { kind, event } of EVENT_ROWS) {
      if (event.level !== 'none' || event.toldBy === undefined) continue;
      expect([kind, LOGGED_FIELDS.has(event.toldBy)]).toEqual([kind, true]);
    }
  });

  test('the table of events is the one of the page', () => {
    const readme = readFileSync(
      new URL('../../../src/telemetry/README.md', import.meta.url),
      'utf8',
    );
    expect(readme).toContain(renderEventsTable());
  });
});

describe.each(EVENT_ROWS.filter(({ kind }) => kind !== 'certificate-served'))(
  'the event $kind of $owner',
  ({ owner, kind, event }) => {
    const samples = given.get(`${owner} ${kind}`) ?? [];

    test(`the event ${kind} of ${owner} is ${event.level === 'none' ? 'not logged' : 'logged once'}, as the table says`, async () => {
      expect(samples).not.toEqual([]);
      const fields = new Set<string>();
      for (const give of samples) {
        const reports = startReports();
        give(reports);
        const lines = await reports.lines();
        const told = event.level === 'none' ? event.toldBy === 'certificate-served' : true;
        expect(lines).toHaveLength(told ? 1 : 0);
        for (const { level, time, event: name, ...rest } of lines) {
          const row = EVENT_ROWS.find((each) => each.owner === owner && each.kind === name);
          expect({ name, level }).toEqual({
            name: event.level === 'none' ? event.toldBy : kind,
            level: row?.event.level,
          });
          for (const field of Object.keys(rest)) fields.add(field);
          expect(time).toEqual(expect.any(String));
        }
      }
      const line = event.level === 'none' ? event.toldBy : kind;
      const expected = fields.size === 0 ? [] : (LOGGED_FIELDS.get(line ?? '') ?? []);
      expect([...fields].sort()).toEqual([...expected].sort());
      if (event.level !== 'none') expect(fields.size).toBe(event.fields.length);
    });

    test(`the event ${kind} of ${owner} moves the metrics that the table says`, () => {
      const moved = new Set<string>();
      for (const give of samples) {
        const reports = startReports();
        give(reports);
        for (const name of Object.keys(reports.values())) moved.add(name);
      }
      expect([...moved].sort()).toEqual([...event.metrics].sort());
    });
  },
);

test('no other part of the program writes log lines', () => {
  const src = fileURLToPath(new URL('../../../src', import.meta.url));
  const sources = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.startsWith('telemetry/'),
  );
  expect(sources.length).toBeGreaterThan(150);
  const writing = sources.filter((name) =>
    /\blog(\.(debug|info|warn|error|child)\b|\[)/.test(readFileSync(join(src, name), 'utf8')),
  );
  expect(writing).toEqual(['app/report/event-log.ts', 'app/report/line-limit.ts']);
});

describe('a refused command counts', () => {
  test.each([
    ['a recipient that no route takes', refused('RCPT', 550, 'policy'), 'MessagesRejected'],
    ['a sender that is not allowed', refused('MAIL', 550, 'policy'), 'MessagesRejected'],
    ['a SIZE over the limit', refused('MAIL', 552, 'message-too-large'), 'MessagesRejected'],
    ['a message over the limit', refused('message', 552, 'message-too-large'), 'MessagesRejected'],
    ['a MAIL before AUTH', refused('MAIL', 530, 'sign-in-required'), 'MessagesRejected'],
    ['a message that is refused at its end', refused('message', 550, 'policy'), 'MessagesRejected'],
    [
      'the RCPT that was sent along with it',
      refused('RCPT', 530, 'sign-in-required'),
      'CommandErrors',
    ],
    ['FOO', refused('unknown', 500, 'unknown-command'), 'CommandErrors'],
    ['a DATA before MAIL', refused('DATA', 503, 'bad-sequence'), 'CommandErrors'],
    ['a DATA after refused recipients', refused('DATA', 554, 'no-recipients'), 'CommandErrors'],
    ['a recipient that is misspelt', refused('RCPT', 501, 'forward-path-syntax'), 'CommandErrors'],
    ['an AUTH that is malformed', refused('AUTH', 501, 'malformed-response'), 'CommandErrors'],
  ] as const)('a refused command is counted: %s', (_, note, counter) => {
    const reports = startReports();
    reports.server({ kind: 'note', peer, note });
    expect(reports.values()).toEqual({ [counter]: 1 });
  });

  test.each([
    ['a recipient that is deferred', refused('RCPT', 451, 'policy')],
    ['a recipient too many', refused('RCPT', 452, 'too-many-recipients')],
    ['a sign-in, which has counters of its own', refused('AUTH', 535, 'policy')],
    ['a sign-in without a token', refused('AUTH', 535, 'no-token')],
  ] as const)('a refused command is not counted: %s', (_, note) => {
    const reports = startReports();
    reports.server({ kind: 'note', peer, note });
    expect(reports.values()).toEqual({});
  });
});

test('a refused sign-in has the one line of the credentials, and one without a token that of its rule', async () => {
  const reports = startReports();
  for (const event of credentialEvents['sign-in-refused'].slice(0, 1)) reports.credentials(event);
  for (const note of notes['sign-in-refused']) reports.server({ kind: 'note', peer, note });
  reports.server({ kind: 'note', peer, note: refused('AUTH', 535, 'policy') });
  reports.server({ kind: 'note', peer, note: refused('AUTH', 535, 'no-token') });
  expect(await reports.lines()).toMatchObject([
    { event: 'sign-in-refused', listener: 'mx', cause: 'wrong-secret', username: 'alice' },
    { event: 'refused', verb: 'AUTH', rule: 'no-token' },
  ]);
  expect(reports.values()).toEqual({ AuthFailures: 1 });
});

test('a session counts once in PlaintextSessions, by its first message accepted in the clear', () => {
  const reports = startReports();
  const accept = (sessionId: string, isSecured = false): void =>
    reports.server({
      kind: 'message-accepted',
      ...outcome({
        sessionId,
        ...(isSecured && { tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' } }),
      }),
    });
  accept('a');
  accept('a');
  // After STARTTLS in the same session, and in another one.
  accept('a', true);
  accept('b', true);
  expect(reports.values()).toEqual({ PlaintextSessions: 1 });
  accept('c');
  expect(reports.values()).toEqual({ PlaintextSessions: 2 });
});

describe('a deferred mail', () => {
  const [failed, overloaded] = bridgeEvents['message-deferred'];

  test('a deferred mail counts in CommitFailures if its commit was tried', () => {
    const reports = startReports();
    if (failed !== undefined) reports.bridge(failed);
    expect(reports.values()).toMatchObject({ CommitFailures: 1, MessagesDeferred: 1, S3Errors: 1 });
    expect(reports.values()).not.toHaveProperty('OverloadRefusals');
  });

  test.each(['overload', 'breaker-open'])(
    'a deferred mail counts in OverloadRefusals and not in CommitFailures if none was: %s',
    (cause) => {
      const reports = startReports();
      if (overloaded !== undefined) reports.bridge({ ...overloaded, cause });
      expect(reports.values()).toMatchObject({ OverloadRefusals: 1, MessagesDeferred: 1 });
      expect(reports.values()).not.toHaveProperty('CommitFailures');
    },
  );

  test('a deferred mail counts in neither if an earlier sending of it is still being committed', () => {
    const reports = startReports();
    if (overloaded !== undefined) reports.bridge({ ...overloaded, cause: 'duplicate-under-way' });
    expect(reports.values()).toEqual({ MessagesDeferred: 1, CommitLatency: 1 });
  });
});
