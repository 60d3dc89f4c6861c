import { expect, test } from 'vitest';
import { MAX_BATCHES, Pace } from '../../../src/bridge/outbox/pace.ts';

/** A round of answers, one for each batch that may be under way. */
function round(pace: Pace, millis: number, answer: 'accepted' | 'throttled' = 'accepted'): void {
  const began = performance.now();
  for (let left = pace.limit; left > 0; left -= 1) pace.record(began, millis, answer);
}

test.each([20, 1000, 2500])('rises to its bound while answers take %i ms and no more', (millis) => {
  const pace = new Pace();
  for (let rounds = 0; rounds < 5; rounds += 1) round(pace, millis);
  expect(pace.limit).toBe(MAX_BATCHES);
});

test('falls by half when SNS throttles, once for all calls that were under way', () => {
  const pace = new Pace();
  for (let rounds = 0; rounds < 5; rounds += 1) round(pace, 20);
  round(pace, 20, 'throttled');
  expect(pace.limit).toBe(MAX_BATCHES / 2);
  for (let rounds = 0; rounds < 10; rounds += 1) round(pace, 20, 'throttled');
  expect(pace.limit).toBe(1);
});

test('rises by one in a round after that', () => {
  const pace = new Pace();
  for (let rounds = 0; rounds < 5; rounds += 1) round(pace, 20);
  round(pace, 20, 'throttled');
  round(pace, 20);
  expect(pace.limit).toBe(MAX_BATCHES / 2 + 1);
});

test('falls when answers take several times as long as the quickest', () => {
  const pace = new Pace();
  for (let rounds = 0; rounds < 5; rounds += 1) round(pace, 200);
  round(pace, 900);
  expect(pace.limit).toBe(MAX_BATCHES / 2);
});

test('goes down to one where SNS hardly answers in time', () => {
  const pace = new Pace();
  for (let rounds = 0; rounds < 10; rounds += 1) round(pace, 8000);
  expect(pace.limit).toBe(1);
});

test('lets one more begin when one ends', async () => {
  const pace = new Pace();
  await pace.enter();
  await pace.enter();
  let entered = false;
  const third = pace.enter().then(() => {
    entered = true;
  });
  await Promise.resolve();
  expect(entered).toBe(false);
  pace.leave();
  await third;
  expect(entered).toBe(true);
});
