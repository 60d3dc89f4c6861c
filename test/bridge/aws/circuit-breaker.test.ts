import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CircuitBreaker } from '../../../src/bridge/aws/circuit-breaker.ts';
import type { AwsFailure } from '../../../src/bridge/events.ts';

const failure: AwsFailure = {
  service: 's3',
  cause: 'unavailable',
  code: 'ServiceUnavailable',
  message: 'injected',
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function fail(breaker: CircuitBreaker, times: number): void {
  for (let n = 0; n < times; n += 1) breaker.record(failure);
}

test('a breaker opens after five failures in a row, not after five failures in all', () => {
  const opened: AwsFailure[] = [];
  const breaker = new CircuitBreaker({ onOpened: (cause) => opened.push(cause) });
  fail(breaker, 4);
  breaker.record(undefined);
  fail(breaker, 4);
  expect(breaker.admits()).toBe(true);
  expect(opened).toEqual([]);
  fail(breaker, 1);
  expect(opened).toEqual([failure]);
});

test.each(['configuration', 'refused', 'corrupted'] as const)(
  'a failure that waiting cannot mend (%s) does not open a breaker',
  (cause) => {
    const breaker = new CircuitBreaker();
    for (let n = 0; n < 20; n += 1) breaker.record({ ...failure, cause });
    fail(breaker, 4);
    expect(breaker.admits()).toBe(true);
  },
);

describe('a breaker with a probe', () => {
  test('admits nobody until a probe has succeeded, and opens again at the next failure', async () => {
    let answers = false;
    let probes = 0;
    const closed: number[] = [];
    using breaker = new CircuitBreaker({
      probe: async () => {
        probes += 1;
        if (!answers) throw new Error('no answer');
      },
      onClosed: (openSeconds) => closed.push(openSeconds),
    });
    fail(breaker, 5);
    expect(breaker.admits()).toBe(false);
    await vi.advanceTimersByTimeAsync(3500);
    expect(probes).toBe(3);
    expect(breaker.admits()).toBe(false);
    answers = true;
    await vi.advanceTimersByTimeAsync(1000);
    expect(breaker.admits()).toBe(true);
    expect(closed).toEqual([4]);
    fail(breaker, 1);
    expect(breaker.admits()).toBe(false);
  });

  test('closes when a call that was in progress succeeds, and then needs five failures again', async () => {
    let probes = 0;
    using breaker = new CircuitBreaker({
      probe: async () => {
        probes += 1;
      },
    });
    fail(breaker, 5);
    breaker.record(undefined);
    expect(breaker.admits()).toBe(true);
    await vi.advanceTimersByTimeAsync(5000);
    expect(probes).toBe(0);
    fail(breaker, 4);
    expect(breaker.admits()).toBe(true);
  });

  test('sends no probe after it was disposed of', async () => {
    let probes = 0;
    const breaker = new CircuitBreaker({
      probe: async () => {
        probes += 1;
        throw new Error('no answer');
      },
    });
    fail(breaker, 5);
    await vi.advanceTimersByTimeAsync(1500);
    breaker[Symbol.dispose]();
    await vi.advanceTimersByTimeAsync(5000);
    expect(probes).toBe(1);
  });
});

test('a breaker without a probe admits one caller a second, and all callers after a success', async () => {
  const breaker = new CircuitBreaker();
  fail(breaker, 5);
  const admitted = (): number => [1, 2, 3].filter(() => breaker.admits()).length;
  expect(admitted()).toBe(1);
  expect(admitted()).toBe(0);
  await vi.advanceTimersByTimeAsync(1000);
  expect(admitted()).toBe(1);
  fail(breaker, 1);
  expect(admitted()).toBe(0);
  breaker.record(undefined);
  expect(admitted()).toBe(3);
});
