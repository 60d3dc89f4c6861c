// Everything that sign-in holds on to is bounded.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedMap } from '../../src/counters/bounded-map.ts';
import { ConcurrencyLimit, overloaded } from '../../src/credentials/concurrency-limit.ts';

test('a bounded map holds what was used last, as a plain one would', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.constantFrom('get', 'set', 'delete'), fc.constantFrom('a', 'b', 'c', 'd', 'e')),
      ),
      (steps) => {
        const map = new BoundedMap<string>(3);
        let used: string[] = [];
        for (const [step, key] of steps) {
          const known = used.includes(key);
          if (step === 'get') expect(map.get(key)).toBe(known ? key : undefined);
          if (step === 'set') map.set(key, key);
          if (step === 'delete') map.delete(key);
          if (step === 'delete' || step === 'set' || known) used = used.filter((k) => k !== key);
          if (step === 'set' || (step === 'get' && known)) used = [...used, key].slice(-3);
          expect(map.size).toBe(used.length);
        }
      },
    ),
  );
});

test('a concurrency limit runs some tasks at once, queues some in order, and turns the rest away', async () => {
  const limit = new ConcurrencyLimit(2, 3);
  const order: number[] = [];
  const gates: (() => void)[] = [];
  let running = 0;
  let most = 0;
  const outcomes = Array.from({ length: 7 }, (_, n) =>
    limit.run(async () => {
      most = Math.max(most, ++running);
      order.push(n);
      await new Promise<void>((resolve) => gates.push(resolve));
      running--;
      return n;
    }),
  );
  expect(await Promise.all(outcomes.slice(5))).toEqual([overloaded, overloaded]);
  while (order.length < 5 || running > 0) {
    gates.shift()?.();
    await new Promise(setImmediate);
  }
  expect(await Promise.all(outcomes.slice(0, 5))).toEqual([0, 1, 2, 3, 4]);
  expect(order).toEqual([0, 1, 2, 3, 4]);
  expect(most).toBe(2);
});

test('a task that fails frees its place under the concurrency limit', async () => {
  const limit = new ConcurrencyLimit(1, 1);
  await expect(limit.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await limit.run(() => Promise.resolve('next'))).toBe('next');
});

test('a place that rests stays empty for as long as its task took', async () => {
  const limit = new ConcurrencyLimit(1, 1, true);
  const order: string[] = [];
  const task = (name: string) => async (): Promise<void> => {
    order.push(name);
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await limit.run(task('first'));
  const second = limit.run(task('second'));
  // No task runs, and yet the place is not free.
  expect(order).toEqual(['first']);
  expect(await limit.run(task('third'))).toBe(overloaded);
  await second;
  expect(order).toEqual(['first', 'second']);
});
