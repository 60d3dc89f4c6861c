// The lease of the task that flushes the outbox, on the embedded S3 behind the fault proxy.
import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { OUTBOX_LEASE_KEY } from '../../../src/bridge/contract/object-key.ts';
import { OutboxLease } from '../../../src/bridge/outbox/lease.ts';
import { listMarkers } from '../../../src/bridge/outbox/marker.ts';
import { type OutboxBench, outboxKeys, startOutboxBench, textOf } from './support.ts';

const TIMES = { leaseMillis: 1500, renewMillis: 300 };
const ALWAYS = 1000;

let bench: OutboxBench;
let s3: S3Client;
let leases: OutboxLease[] = [];
beforeAll(async () => {
  bench = await startOutboxBench();
  const { region, credentials } = bench.aws;
  const { endpoint } = bench.proxy;
  s3 = new S3Client({ region, endpoint, credentials, forcePathStyle: true, maxAttempts: 2 });
});
beforeEach(() => {
  leases = [];
});
afterEach(async () => {
  for (const lease of leases) await lease.release();
  await bench.clear();
});
afterAll(async () => {
  s3.destroy();
  await bench[Symbol.asyncDispose]();
});

function makeLease(times = TIMES): OutboxLease {
  const lease = new OutboxLease({ s3, bucket: bench.aws.resources.bucket }, times);
  leases.push(lease);
  return lease;
}

/** Until it is this task's. */
async function acquired(lease: OutboxLease, withinMillis: number): Promise<number> {
  const began = performance.now();
  while (!(await lease.acquire())) {
    if (performance.now() - began > withinMillis) throw new Error('the lease was not to be had');
    await sleep(50);
  }
  return performance.now() - began;
}

test('one task of two has it, and the other when it is given up', async () => {
  const [one, two] = [makeLease(), makeLease()];
  expect(await one.acquire()).toBe(true);
  expect(await two.acquire()).toBe(false);
  expect([one.isHeld, two.isHeld]).toEqual([true, false]);
  await one.release();
  expect(await two.acquire()).toBe(true);
});

test('of tasks that come at the same moment one has it', async () => {
  const all = Array.from({ length: 8 }, () => makeLease());
  const got = await Promise.all(all.map((lease) => lease.acquire()));
  expect(got.filter(Boolean)).toHaveLength(1);
});

test('a task that goes on keeps it beyond its time', async () => {
  const [one, two] = [makeLease(), makeLease()];
  expect(await one.acquire()).toBe(true);
  const until = performance.now() + TIMES.leaseMillis * 2;
  while (performance.now() < until) {
    expect(await two.acquire()).toBe(false);
    await sleep(100);
  }
  expect(one.isHeld).toBe(true);
});

test('a task that is gone is followed when its time is over, and not before', async () => {
  // It renews nothing any more.
  const gone = makeLease({ leaseMillis: 1500, renewMillis: 3_600_000 });
  expect(await gone.acquire()).toBe(true);
  const next = makeLease();
  const waited = await acquired(next, 5000);
  expect(waited).toBeGreaterThanOrEqual(TIMES.leaseMillis);
  expect(gone.isHeld).toBe(false);
  // What ends late leaves the lease of the other alone.
  await gone.release();
  expect(await outboxKeys(bench.aws)).toEqual([OUTBOX_LEASE_KEY]);
});

test('two tasks that follow one that is gone: one has it', async () => {
  await makeLease({ leaseMillis: 1500, renewMillis: 3_600_000 }).acquire();
  const [one, two] = [makeLease(), makeLease()];
  await Promise.all([one.acquire(), two.acquire()]);
  await sleep(TIMES.leaseMillis + 50);
  const got = await Promise.all([one.acquire(), two.acquire()]);
  expect(got.filter(Boolean)).toHaveLength(1);
});

test('a task whose lease another one has taken hears of it at the next renewal', async () => {
  const one = makeLease({ leaseMillis: 60_000, renewMillis: 300 });
  expect(await one.acquire()).toBe(true);
  const { s3: direct, resources } = bench.aws;
  await direct.send(
    new PutObjectCommand({ Bucket: resources.bucket, Key: OUTBOX_LEASE_KEY, Body: '{}' }),
  );
  await sleep(1000);
  expect(one.isHeld).toBe(false);
  await one.release();
  expect(await textOf(bench.aws, OUTBOX_LEASE_KEY)).toBe('{}');
});

test('a lost answer to the first write: it is known by its holder', async () => {
  bench.proxy.inject('PutObject', { kind: 'reset-after' });
  const lease = makeLease();
  expect(await lease.acquire()).toBe(true);
  expect(bench.proxy.count('PutObject')).toBe(2);
});

test('a lost answer to a renewal: the lease goes on', async () => {
  const lease = makeLease();
  expect(await lease.acquire()).toBe(true);
  bench.proxy.inject('PutObject', { kind: 'reset-after' });
  await sleep(TIMES.leaseMillis * 2);
  expect(lease.isHeld).toBe(true);
});

test('renewals that fail: the holder stops before another task begins', async () => {
  const [one, two] = [makeLease(), makeLease()];
  expect(await one.acquire()).toBe(true);
  bench.proxy.inject('PutObject', { kind: 'refuse', status: 503, code: 'SlowDown' }, ALWAYS);
  const until = performance.now() + 10_000;
  while (one.isHeld && performance.now() < until) {
    await expect(two.acquire()).rejects.toThrow();
  }
  expect(one.isHeld).toBe(false);
  bench.proxy.repair();
  // As at the end of its pass.
  await one.release();
  await acquired(two, 5000);
});

test.each([
  [501, 'NotImplemented'],
  [403, 'AccessDenied'],
  [400, 'InvalidArgument'],
])(
  'a store that answers %i %s to the lease: the flush goes on without it',
  async (status, code) => {
    bench.proxy.inject('PutObject', { kind: 'refuse', status, code }, ALWAYS);
    const [one, two] = [makeLease(), makeLease()];
    expect(await one.acquire()).toBe(true);
    expect(await two.acquire()).toBe(true);
  },
);

test('a store that takes the first write and no If-Match: a task that is gone is followed all the same', async () => {
  await makeLease({ leaseMillis: 1500, renewMillis: 3_600_000 }).acquire();
  const next = makeLease();
  expect(await next.acquire()).toBe(false);
  await sleep(TIMES.leaseMillis + 50);
  // The first write of `acquire` gets 412 from the store itself.
  bench.proxy.inject('PutObject', { kind: 'refuse', status: 412, code: 'PreconditionFailed' });
  bench.proxy.inject('PutObject', { kind: 'refuse', status: 501, code: 'NotImplemented' }, ALWAYS);
  expect(await next.acquire()).toBe(true);
});

test('a lease that cannot be read is followed too', async () => {
  await makeLease({ leaseMillis: 1500, renewMillis: 3_600_000 }).acquire();
  bench.proxy.inject('GetObject', { kind: 'refuse', status: 403, code: 'AccessDenied' }, ALWAYS);
  expect(await acquired(makeLease(), 5000)).toBeGreaterThanOrEqual(TIMES.leaseMillis);
});

test('S3 away: rejects, so that the pass ends', async () => {
  bench.proxy.inject('any', { kind: 'refuse', status: 503, code: 'SlowDown' }, ALWAYS);
  await expect(makeLease().acquire()).rejects.toThrow();
});

test('is no marker, to this release and to earlier ones', async () => {
  expect(await makeLease().acquire()).toBe(true);
  const { s3: direct, resources } = bench.aws;
  for (const deadLetters of [false, true]) {
    for await (const { key } of listMarkers(
      { s3: direct, bucket: resources.bucket },
      deadLetters,
    )) {
      expect.unreachable(key);
    }
  }
  // They list directly under the prefix, and take what ends in `.json`.
  expect(OUTBOX_LEASE_KEY).toMatch(/^outbox\/[^/]+\/[^/]+$/);
  expect(OUTBOX_LEASE_KEY).not.toMatch(/\.json$/);
});
