import { execFile } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/smtp/index.ts';
import { createLog, type Log, type LogLevel, type LogValue } from '../../src/telemetry/log.ts';
import { showAddress } from '../../src/telemetry/addresses.ts';

/** What `say` logs, as parsed lines. */
async function linesOf(
  say: (log: Log) => void,
  level: LogLevel = 'info',
): Promise<Record<string, unknown>[]> {
  const path = join(mkdtempSync(join(tmpdir(), 'log-')), 'log');
  const log = createLog({ level, fd: openSync(path, 'a') });
  say(log);
  await log.flush();
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a line has level, time, event and its fields, and nothing about the machine', async () => {
  const [line] = await linesOf((log) =>
    log.info('message-stored', { sizeBytes: 12, recipients: ['a'] }),
  );
  expect(Object.keys(line ?? {})).toEqual(['level', 'time', 'event', 'sizeBytes', 'recipients']);
  expect(line).toMatchObject({ level: 'info', event: 'message-stored', sizeBytes: 12 });
  expect(new Date(String(line?.['time'])).toISOString()).toBe(line?.['time']);
});

test.each([
  ['debug', ['d', 'i', 'w', 'e']],
  ['info', ['i', 'w', 'e']],
  ['warn', ['w', 'e']],
  ['error', ['e']],
  ['silent', []],
] as const)('at level %s the events %j are written', async (level, events) => {
  const lines = await linesOf((log) => {
    log.debug('d');
    log.info('i');
    log.warn('w');
    log.error('e');
  }, level);
  expect(lines.map(({ event }) => event)).toEqual(events);
});

test('a child adds its fields to every line, and a metric line is written whatever the level', async () => {
  const lines = await linesOf((log) => {
    log.child({ session: 's1' }).error('lost', { port: 25 });
    log.write('{"_aws":{}}');
  }, 'error');
  expect(lines).toMatchObject([{ event: 'lost', session: 's1', port: 25 }, { _aws: {} }]);
});

test('what stands under a secret name is hidden, at any depth', async () => {
  const text = JSON.stringify(
    await linesOf((log) =>
      log.info('sign-in', {
        password: 'hunter2',
        details: { Authorization: 'Bearer hunter2', items: [{ privateKey: 'hunter2' }] },
      }),
    ),
  );
  expect(text).not.toContain('hunter2');
  expect(text.match(/\[hidden\]/g)).toHaveLength(3);
});

test('a secret or a buffer that got past the types is not shown either', async () => {
  const smuggled = (value: unknown): LogValue => value as LogValue;
  const text = JSON.stringify(
    await linesOf((log) =>
      log.info('sign-in', {
        who: smuggled(new Secret('hunter2')),
        what: smuggled(Buffer.from('hunter2')),
      }),
    ),
  );
  expect(text).not.toContain('hunter2');
  expect(text).not.toContain('104,117');
  expect(text.match(/\[hidden\]|\[octets\]/g)).toHaveLength(2);
});

test('an error is its name, message, code and cause, never its stack or what hangs on it', async () => {
  const cause = Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' });
  const error = Object.assign(new Error('S3 did not answer', { cause }), {
    $response: { headers: { authorization: 'AWS4-HMAC' } },
  });
  const [line] = await linesOf((log) => log.error('store-failed', { error }));
  expect(line?.['error']).toEqual({
    name: 'Error',
    message: 'S3 did not answer',
    cause: { name: 'Error', message: 'no route', code: 'EHOSTUNREACH' },
  });
});

test('a line stays small whatever it is given', async () => {
  const round: { self?: LogValue } = {};
  round.self = round as LogValue;
  const [line] = await linesOf((log) =>
    log.warn('odd', {
      text: 'x'.repeat(1e6),
      list: Array.from({ length: 1e5 }, (_, at) => at),
      round: round as LogValue,
    }),
  );
  expect(JSON.stringify(line).length).toBeLessThan(4000);
});

test('line breaks in a value do not make another line', async () => {
  expect(
    await linesOf((log) => log.info('greeted', { helo: 'a\r\n{"event":"forged"}' })),
  ).toHaveLength(1);
});

test('everything logged before process.exit reaches a pipe', async () => {
  const module = fileURLToPath(new URL('../../src/telemetry/log.ts', import.meta.url));
  const script = `
    const { createLog } = await import(${JSON.stringify(module)});
    const log = createLog();
    for (let at = 0; at < 5000; at++) log.info('line', { at });
    process.exit(0);`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script],
    { maxBuffer: 1e7 },
  );
  const lines = stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(5000);
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ at: 4999 });
});

describe('addresses', () => {
  test.each([
    ['Joe.Doe@Example.com', 'full', 'Joe.Doe@Example.com'],
    ['Joe.Doe@Example.com', 'domain', 'Example.com'],
    ['"a@b"@example.org', 'domain', 'example.org'],
    ['postmaster', 'domain', '(no domain)'],
    ['', 'domain', '<>'],
    [null, 'hash', '<>'],
  ] as const)('the address %j shown as %s is %j', (address, display, shown) => {
    expect(showAddress(address, display)).toBe(shown);
  });

  test('in place of an address, a hash tells equal from different and holds nothing of the address', () => {
    const hash = showAddress('joe@example.com', 'hash');
    expect(hash).toMatch(/^[0-9a-f]{16}$/);
    expect(showAddress('JOE@example.com', 'hash')).toBe(hash);
    expect(showAddress('joe@example.net', 'hash')).not.toBe(hash);
  });
});
