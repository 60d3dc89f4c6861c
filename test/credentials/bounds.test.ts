// Everything that sign-in holds on to is bounded.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedMap } from '../../src/counters/bounded-map.ts';
import { ConcurrencyLimit, overloaded } from '../../src/credentials/concurrency-limit.ts';

const ANN = { client: '192.0.2.1' };

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
    limit.run(ANN, async () => {
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
  await expect(limit.run(ANN, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await limit.run(ANN, () => Promise.resolve('next'))).toBe('next');
});

test('a place that rests stays empty for as long as its task took', async () => {
  const limit = new ConcurrencyLimit(1, 1, true);
  const order: string[] = [];
  const task = (name: string) => async (): Promise<void> => {
    order.push(name);
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await limit.run(ANN, task('first'));
  const second = limit.run(ANN, task('second'));
  // No task runs, and yet the place is not free.
  expect(order).toEqual(['first']);
  expect(await limit.run(ANN, task('third'))).toBe(overloaded);
  await second;
  expect(order).toEqual(['first', 'second']);
});

/** Runs tasks of these clients one at a time, each begun when the one before has ended; gives the order. */
async function orderOf(
  maxWaiting: number,
  claims: readonly { client: string; isPreferred?: boolean }[],
): Promise<string[]> {
  const limit = new ConcurrencyLimit(1, maxWaiting);
  const order: string[] = [];
  let release: () => void = () => {};
  const first = limit.run(ANN, () => new Promise<void>((resolve) => (release = resolve)));
  const outcomes = claims.map(async (claim) => {
    const outcome = await limit.run(claim, async () => void order.push(claim.client));
    if (outcome === overloaded) order.push(`-${claim.client}`);
  });
  await new Promise(setImmediate);
  release();
  await Promise.all([first, ...outcomes]);
  return order;
}

test('clients take turns under the concurrency limit', async () => {
  const claims = ['a', 'a', 'a', 'b', 'b', 'c'].map((client) => ({ client }));
  expect(await orderOf(6, claims)).toEqual(['a', 'b', 'c', 'a', 'b', 'a']);
});

test('of a full queue, the client with the longest line loses its last place to one with a shorter line', async () => {
  const claims = ['a', 'a', 'a', 'b', 'c', 'c'].map((client) => ({ client }));
  // c's first takes a place of a's; its second would make its line as long as a's.
  const order = await orderOf(4, claims);
  expect(order.slice(0, 2).toSorted()).toEqual(['-a', '-c']);
  expect(order.slice(2)).toEqual(['a', 'b', 'c', 'a']);
});

test('a preferred claim comes before all others and is not turned away for them', async () => {
  const claims = [{ client: 'a' }, { client: 'b' }, { client: 'c', isPreferred: true }];
  expect(await orderOf(2, claims)).toEqual(['-a', 'c', 'b']);
});

test('a place that is left before its turn is free', async () => {
  const limit = new ConcurrencyLimit(1, 1);
  const running = limit.claim(ANN);
  const waiting = limit.claim(ANN);
  expect(limit.claim(ANN)).toBeUndefined();
  waiting?.leave();
  const next = limit.claim(ANN);
  running?.leave();
  expect(await next?.turn).toBe(true);
});
