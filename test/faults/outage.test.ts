// S3 out of reach under load: quick refusals, a process that stays responsive, and mail again without a restart.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { facts } from '../bridge/support.ts';
import { expectAnnounced, type FaultBench, startFaultBench } from './bridge-under-faults.ts';
import type { Fault } from './fault-proxy.ts';

const MAIL = 'From: a@b.example\r\n\r\nHello.\r\n';
const ALWAYS = 1_000_000;

let bench: FaultBench;
beforeAll(async () => {
  bench = await startFaultBench();
});
afterEach(() => bench.clear());
afterAll(() => bench[Symbol.asyncDispose]());

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

test.each<[string, Fault]>([
  ['refuses connections', { kind: 'reset-before' }],
  ['hangs', { kind: 'hang' }],
])(
  'S3 %s under load: 4xx for all, fast once the breaker is open, 250 again after the repair',
  async (_, fault) => {
    const bridge = bench.makeBridge({ hasty: 's3' });
    expect(bridge.refusal()).toBeUndefined();
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    bench.proxy.inject('any', fault, ALWAYS);
    const replies = await Promise.all(Array.from({ length: 40 }, () => bridge.deliver(MAIL)));
    for (const { code } of replies) expect([451, 452]).toContain(code);
    expect(bench.events.filter(({ kind }) => kind === 'breaker-opened')).toHaveLength(1);
    expect(bridge.refusal()).toMatchObject({ code: 452, status: '3.1' });

    const before = bench.proxy.count('PutObject');
    const refused = await Promise.all(Array.from({ length: 200 }, () => bridge.deliver(MAIL)));
    expect(new Set(refused.map(({ code, status }) => `${code} ${status}`))).toEqual(
      new Set(['452 3.1']),
    );
    expect(bench.proxy.count('PutObject')).toBe(before);
    delay.disable();

    bench.proxy.reset();
    await until(() => bridge.refusal() === undefined);
    const of = facts();
    expect(await bridge.deliver(MAIL, of)).toMatchObject({ code: 250 });
    await expectAnnounced(bench, [of.messageId]);
    expect(bench.events.filter(({ kind }) => kind === 'breaker-closed')).toHaveLength(1);
  },
);

test('SNS hangs under load: 250 for all, the outbox at once after some, and SNS again after the repair', async () => {
  const bridge = bench.makeBridge({ hasty: 'sns' });
  const all = Array.from({ length: 8 }, () => facts());
  bench.proxy.inject('Publish', { kind: 'hang' }, ALWAYS);
  bench.proxy.inject('PublishBatch', { kind: 'hang' }, ALWAYS);
  for (const { code } of await Promise.all(all.map((of) => bridge.deliver(MAIL, of)))) {
    expect(code).toBe(250);
  }
  const before = bench.proxy.count('Publish') + bench.proxy.count('PublishBatch');
  const more = await Promise.all(Array.from({ length: 60 }, () => bridge.deliver(MAIL)));
  expect(new Set(more.map(({ code }) => code))).toEqual(new Set([250]));
  const failures = bench.events.filter(
    (event) => event.kind === 'publish-failed' && event.failure.code === 'NotTried',
  );
  expect(failures.length).toBeGreaterThan(40);
  // One mail a second tries, and the drainer; 60 mails with four tries each would be 240.
  const tries = bench.proxy.count('Publish') + bench.proxy.count('PublishBatch') - before;
  expect(tries).toBeLessThan(60);

  bench.proxy.reset();
  bench.events.length = 0;
  const isDirect = (): boolean =>
    bench.events.some(
      (event) =>
        event.kind === 'message-accepted' && event.placements.every(({ outbox }) => !outbox),
    );
  while (!isDirect()) expect(await bridge.deliver(MAIL)).toMatchObject({ code: 250 });
});

test('a misconfiguration fails fast by itself and leaves the circuit closed', async () => {
  const bridge = bench.makeBridge();
  bench.proxy.inject('PutObject', { kind: 'refuse', status: 403, code: 'AccessDenied' }, ALWAYS);
  for (let n = 0; n < 8; n += 1) {
    expect(await bridge.deliver(MAIL)).toMatchObject({ code: 451, status: '3.5' });
  }
  expect(bridge.refusal()).toBeUndefined();
  // Once a minute, not once a mail.
  expect(bench.events.filter(({ kind }) => kind === 'aws-misconfigured')).toHaveLength(1);
});

test('idle waits for the commits in progress and for the aborts of discarded uploads', async () => {
  const bridge = bench.makeBridge();
  bench.proxy.inject('PutObject', { kind: 'delay', millis: 300 });
  const order: string[] = [];
  const delivered = bridge.deliver(MAIL).then(({ code }) => order.push(`reply ${code}`));
  await bench.proxy.arrival('PutObject');
  await bridge.idle();
  order.push('idle');
  await delivered;
  expect(order).toEqual(['reply 250', 'idle']);
});

test('idle settles at once when no message is open', async () => {
  await bench.makeBridge().idle();
});

test('close ends what runs in the background, and leaves the clients to their owner', async () => {
  const bridge = bench.makeBridge({ outboxSeconds: 0.05 });
  await bridge.close();
  bench.proxy.reset();
  expect(await bench.makeBridge().deliver(MAIL, facts())).toMatchObject({ code: 250 });
});
