// A check that fails, hangs or is interrupted is a finding, and keeps no other check from its own.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ok } from '../../../src/app/doctor/finding.ts';
import { runChecks, type Check } from '../../../src/app/doctor/run-checks.ts';

const never = new AbortController().signal;
const fine: Check = { name: 'fine', seconds: 5, run: async () => [ok('it works')] };
const hung: Check = { name: 'hung', seconds: 0.05, run: () => new Promise(() => {}) };

function sentencesOf(findings: Awaited<ReturnType<typeof runChecks>>): string[] {
  return findings.map(({ check, level, found }) => `${check} ${level} ${found}`);
}

test('a check that hangs ends within its time, and its signal fires', async () => {
  let isAborted = false;
  const watching: Check = {
    ...hung,
    run: (signal) => {
      signal.addEventListener('abort', () => (isAborted = true));
      return new Promise(() => {});
    },
  };
  expect(sentencesOf(await runChecks([watching, fine], () => undefined, never))).toEqual([
    'hung unknown the check hung was not done: it did not end within 0.05 s',
    'fine ok it works',
  ]);
  expect(isAborted).toBe(true);
});

test('checks run side by side, and their findings are in their order', async () => {
  const slow = (name: string, millis: number): Check => ({
    name,
    seconds: 5,
    run: async () => {
      await sleep(millis);
      return [ok(name)];
    },
  });
  const began = performance.now();
  const checks = [slow('first', 300), slow('second', 100), slow('third', 200)];
  expect(sentencesOf(await runChecks(checks, () => undefined, never))).toEqual([
    'first ok first',
    'second ok second',
    'third ok third',
  ]);
  expect(performance.now() - began).toBeLessThan(550);
});

test('an error of AWS is explained, and any other says what it says, on one line', async () => {
  const failing: Check = {
    name: 'failing',
    seconds: 5,
    run: () => Promise.reject(new Error('first line\nsecond')),
  };
  expect(sentencesOf(await runChecks([failing], () => undefined, never))).toEqual([
    'failing unknown the check failing was not done: first line second',
  ]);
  expect(
    sentencesOf(await runChecks([failing], () => 'no AWS region: set AWS_REGION', never)),
  ).toEqual(['failing unknown the check failing was not done: no AWS region: set AWS_REGION']);
});

test('an interruption ends what is under way', async () => {
  const interruption = new AbortController();
  const running = runChecks([{ ...hung, seconds: 60 }, fine], () => undefined, interruption.signal);
  interruption.abort();
  expect(sentencesOf(await running)).toEqual([
    'hung unknown the check hung was not done: it was interrupted',
    expect.stringMatching(/^fine /),
  ]);
});

test('a check that is late has its time to remove what it made, and no longer', async () => {
  const removed: string[] = [];
  const making = (name: string, cleanupMillis: number): Check => ({
    name,
    seconds: 0.05,
    cleanupSeconds: 1,
    run: async (signal) => {
      await once(signal, 'abort');
      await sleep(cleanupMillis);
      removed.push(name);
      return [ok('too late')];
    },
  });
  const began = performance.now();
  const checks = [making('quick', 200), making('slow', 1800)];
  const findings = await runChecks(checks, () => undefined, never);
  expect(performance.now() - began).toBeLessThan(1700);
  expect(removed).toEqual(['quick']);
  expect(sentencesOf(findings)).toEqual([
    'quick unknown the check quick was not done: it did not end within 0.05 s',
    'slow unknown the check slow was not done: it did not end within 0.05 s',
  ]);
});

test('the same finding of two addresses is there once', async () => {
  expect(sentencesOf(await runChecks([fine, fine], () => undefined, never))).toEqual([
    'fine ok it works',
  ]);
});
