import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { limitLines } from '../../../src/app/report/line-limit.ts';
import { keptLog } from '../../support/kept-log.ts';

function start() {
  const { lines, log } = keptLog();
  return { lines, log: limitLines(log) };
}

const refused = (clientAddress: string, rule = 'unknown-command', sessionId = 's') => ({
  sessionId,
  listener: 'mx',
  clientAddress,
  clientPort: 1,
  verb: 'unknown',
  code: 500,
  rule,
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('of the same lines of one client in a minute twenty are written, and then one with the number of the others', () => {
  const { lines, log } = start();
  for (let line = 0; line < 1000; line++)
    log.info('refused', refused('192.0.2.1', 'x', `s${line}`));
  expect(lines).toHaveLength(20);
  vi.advanceTimersByTime(65_000);
  expect(lines).toHaveLength(21);
  // What is true of one session only is left out.
  expect(lines.at(-1)).toEqual({
    event: 'refused',
    listener: 'mx',
    clientAddress: '192.0.2.1',
    verb: 'unknown',
    code: 500,
    rule: 'x',
    repeated: 980,
  });
  log.info('refused', refused('192.0.2.1', 'x'));
  expect(lines).toHaveLength(22);
});

test('clients do not count for each other, but all of an IPv6 /64 is one', () => {
  const { lines, log } = start();
  for (let line = 0; line < 30; line++) log.info('refused', refused('192.0.2.1'));
  log.info('refused', refused('192.0.2.2'));
  expect(lines).toHaveLength(21);
  for (let line = 0; line < 30; line++) log.info('refused', refused(`2001:db8::${line + 1}`));
  expect(lines).toHaveLength(41);
  log.close();
  expect(lines.slice(41)).toMatchObject([
    { clientAddress: '192.0.2.1', repeated: 10 },
    { clientAddress: '2001:db8:0:0::/64', repeated: 10 },
  ]);
});

test('a client with ever new reasons writes a hundred of them, and the others by their event alone', () => {
  const { lines, log } = start();
  for (let line = 0; line < 10_000; line++) {
    log.info('refused', refused('192.0.2.1', `rule-${line % 1000}`));
  }
  // Each of the hundred once, and twenty of all the others.
  expect(lines.slice(0, 100).map(({ rule }) => rule)).toEqual(
    Array.from({ length: 100 }, (_, rule) => `rule-${rule}`),
  );
  log.close();
  const whole = lines.filter((line) => line['repeated'] === undefined);
  const repeated = lines.flatMap((line) => line['repeated'] ?? []).map(Number);
  expect(whole).toHaveLength(200);
  expect(repeated.length).toBeLessThanOrEqual(101);
  expect(repeated.reduce((sum, number) => sum + number, 0)).toBe(9800);
});

test('lines of many clients end in their number too when there are too many reasons to count', () => {
  const { lines, log } = start();
  const clients = 30_000;
  for (let client = 0; client < clients; client++) {
    const address = `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`;
    for (let line = 0; line < 21; line++) log.info('refused', refused(address));
  }
  expect(lines.length).toBeGreaterThan(clients * 20);
  log.close();
  expect(lines).toHaveLength(clients * 21);
});

test('a mail that was taken, and the life of the program, always have their line', () => {
  const { lines, log } = start();
  for (let line = 0; line < 500; line++) {
    log.info('message-accepted', { clientAddress: '192.0.2.1', messageId: `m${line}` });
    log.error('certificates-refused', { error: 'x' });
  }
  expect(lines).toHaveLength(1000);
});

test('failures of a table that sign-ins cause again and again become one line', () => {
  const { lines, log } = start();
  for (let line = 0; line < 500; line++) {
    log.error('table-unavailable', { operation: 'read', error: 'TimeoutError' });
  }
  log.close();
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toEqual({
    event: 'table-unavailable',
    operation: 'read',
    error: 'TimeoutError',
    repeated: 480,
  });
});

test.each(['connection-shed', 'message-shed'])(
  'what an attack sheds again and again is a few lines: %s',
  (event) => {
    const { lines, log } = start();
    for (let line = 0; line < 500; line++) {
      log.info(event, { clientAddress: '192.0.2.1', listener: 'mx', reason: 'client-share' });
    }
    log.close();
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toMatchObject({ event, reason: 'client-share', repeated: 480 });
  },
);
