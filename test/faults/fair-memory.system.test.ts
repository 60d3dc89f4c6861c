// Clients that hold the memory when another one needs it.
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { FactsInput } from '../bridge/support.ts';
import { type FaultBench, startFaultBench } from './bridge-under-faults.ts';
import { openSending as open, send, type Sending } from './sending.ts';

const MIB = 1024 * 1024;

let bench: FaultBench;
beforeAll(async () => {
  bench = await startFaultBench();
});
afterEach(() => bench.clear());
afterAll(() => bench[Symbol.asyncDispose]());

/** A client by its last octet. */
function from(client: number, listener = 'mx'): FactsInput {
  return { session: { clientAddress: `192.0.2.${client}`, listener } };
}

test('a client that holds the memory gives some of it up for another one: 452 for its mail, and nothing of it is left in S3', async () => {
  // Room for 27 MiB of large mails, and for three parts of one that waits.
  const bridge = bench.makeBridge({ limits: { memory: 64 * MIB, memoryWaitSeconds: 20 } });
  const holders: Sending[] = [];
  for (let number = 0; number < 4; number += 1) {
    const holder = await open(bridge, from(1));
    await send(holder, 9 * MIB);
    holders.push(holder);
  }
  const other = await open(bridge, from(2));
  await send(other, 7 * MIB);
  expect(await other.writer.commit()).toMatchObject({ code: 250 });
  const shed = bench.events.filter((event) => event.kind === 'message-shed');
  expect(new Set(shed.map(({ reason }) => reason))).toEqual(new Set(['client-share']));
  const codes = await Promise.all(
    holders.map(async ({ writer }) => {
      const reply = await writer.commit();
      return 'code' in reply ? reply.code : 0;
    }),
  );
  expect(codes.filter((code) => code === 452)).toHaveLength(shed.length);
  expect(codes.filter((code) => code === 250)).toHaveLength(4 - shed.length);
  await bridge.idle();
  expect(await bridge.stored()).toHaveLength(5 - shed.length);
  expect(await uploadsOf(bridge.prefix)).toEqual([]);
  expect(bridge.memoryInUse).toBe(0);
});

test('a mail that is being stored keeps its memory while others wait for memory', async () => {
  const bridge = bench.makeBridge({ limits: { memory: 64 * MIB, memoryWaitSeconds: 0.2 } });
  const holders: Sending[] = [];
  // All that large mails may hold; each is stored by one PutObject.
  for (let number = 0; number < 3; number += 1) {
    const holder = await open(bridge, from(1));
    await send(holder, 7.5 * MIB);
    holders.push(holder);
  }
  bench.proxy.inject('PutObject', { kind: 'delay', millis: 1000 }, 3);
  const commits = holders.map(({ writer }) => writer.commit());
  const other = await open(bridge, from(2));
  await send(other, 12 * MIB);
  for (const commit of commits) expect(await commit).toMatchObject({ code: 250 });
  expect(bench.events.filter(({ kind }) => kind === 'message-shed')).toEqual([]);
  other.writer.discard('aborted');
});

test('clients that hold all memory for small mails close no door: the next mail of another client is stored at once', async () => {
  const bridge = bench.makeBridge({ limits: { memory: 20 * MIB } });
  const holders: Sending[] = [];
  // 4 MiB of small mails, from three clients.
  for (let number = 0; number < 24; number += 1) {
    const holder = await open(bridge, from(1 + (number % 3)));
    holder.write(200_000);
    holders.push(holder);
  }
  expect(bridge.refusal()).toBeUndefined();
  const other = await open(bridge, from(9, 'submission'));
  await send(other, 200_000);
  expect(await other.writer.commit()).toMatchObject({ code: 250 });
  for (const { writer } of holders) writer.discard('aborted');
});

async function uploadsOf(prefix: string): Promise<unknown[]> {
  const { s3, resources } = bench.aws;
  const { Uploads = [] } = await s3.send(
    new ListMultipartUploadsCommand({ Bucket: resources.bucket, Prefix: prefix }),
  );
  return Uploads;
}
