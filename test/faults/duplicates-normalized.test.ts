// The duplicate guard and mails whose line ends were normalized: what is stored is not what was received.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { NewlineNormalizer } from '../../src/smtp/data/newline-normalizer.ts';
import { deliver, facts } from '../bridge/support.ts';
import { expectAnnounced, type FaultBench, startFaultBench } from './bridge-under-faults.ts';

let bench: FaultBench;
beforeAll(async () => {
  bench = await startFaultBench();
});
afterEach(() => bench.clear());
afterAll(() => bench[Symbol.asyncDispose]());

function guarded(more: object = {}) {
  const { dynamoDb, resources } = bench.aws;
  return bench.makeBridge({
    duplicates: { dynamoDb, table: resources.table, windowSeconds: 3600 },
    ...more,
  });
}

const normalized = (
  bridge: ReturnType<typeof guarded>,
  content: Buffer,
  of = facts(),
): ReturnType<typeof deliver> => deliver(bridge, of, content, 64 * 1024, new NewlineNormalizer());

test('a resent mail is the same mail only where it is stored alike', async () => {
  const bridge = guarded();
  const content = Buffer.from('From: a@b.example\n\nHello.\r\n');
  const reply = await normalized(bridge, content);
  expect(await normalized(bridge, content)).toEqual(reply);
  expect(await bridge.stored()).toHaveLength(1);
  // Another task, with another configuration of the listener.
  const other = await deliver(bridge, facts(), content);
  expect(other).toMatchObject({ code: 250 });
  expect(other).not.toEqual(reply);
  expect(await bridge.stored()).toHaveLength(2);
});

test('a mail in parts, the outcome of the first try is unknown: the next try finds the object that is there', async () => {
  const bridge = guarded({ hasty: 's3', limits: { commitSeconds: 4 } });
  const content = Buffer.concat([
    Buffer.from('From: a@b.example\n\nHello again.\r\n'),
    Buffer.alloc(9 * 1024 * 1024, 'abcdefg\n'),
  ]);
  const of = facts();
  const down = { kind: 'refuse', status: 503, code: 'SlowDown' } as const;
  bench.proxy.inject('CompleteMultipartUpload', { kind: 'reset-after' }, 1000);
  bench.proxy.inject('ListObjectsV2', down, 1000);
  expect(await normalized(bridge, content, of)).toMatchObject({ code: 451 });
  bench.proxy.reset();
  expect(await normalized(bridge, content)).toMatchObject({
    code: 250,
    text: `Ok: queued as ${of.messageId}`,
  });
  expect(await bridge.stored()).toHaveLength(1);
  await expectAnnounced(bench, [of.messageId]);
});
