// More data than memory: messages wait their turn, no longer than allowed, and hear 452 4.3.1.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { facts } from '../bridge/support.ts';
import { type BenchBridge, type FaultBench, startFaultBench } from './bridge-under-faults.ts';
import { openSending as open, send, type Sending } from './sending.ts';

const MIB = 1024 * 1024;
/** One window for large mails and 4 MiB for small ones: the least there is. */
const memory = 20 * MIB;
const ALWAYS = 1000;

let bench: FaultBench;
beforeAll(async () => {
  bench = await startFaultBench();
});
afterEach(() => bench.clear());
afterAll(() => bench[Symbol.asyncDispose]());

function tight(memoryWaitSeconds: number): BenchBridge {
  return bench.makeBridge({ limits: { memory, memoryWaitSeconds } });
}

test('a large mail that declares its size waits before the 354 and hears 452 4.3.1 when that takes too long', async () => {
  const bridge = tight(0.2);
  const first = await open(bridge, { parameters: { size: 30 * MIB } });
  await send(first, 2 * MIB);
  const refused = await bridge.open(facts({ parameters: { size: 30 * MIB } }), () => undefined);
  expect(refused).toMatchObject({ kind: 'refuse', reply: { code: 452, status: '3.1' } });
  expect(bench.events).toMatchObject([{ kind: 'message-deferred', cause: 'overload' }]);
  first.writer.discard('aborted');
});

test('a large mail that declares its size gets its turn when another one ends', async () => {
  const bridge = tight(20);
  const first = await open(bridge, { parameters: { size: 30 * MIB } });
  await send(first, 3 * MIB);
  const second = open(bridge, { parameters: { size: 30 * MIB } });
  await send(first, MIB);
  expect(await first.writer.commit()).toMatchObject({ code: 250 });
  const waited = await second;
  await send(waited, 12 * MIB);
  expect(await waited.writer.commit()).toMatchObject({ code: 250 });
  expect(await bridge.stored()).toHaveLength(2);
});

test('a service that closes waits for no mail that waits before the 354', async () => {
  const bridge = tight(60);
  const first = await open(bridge, { parameters: { size: 30 * MIB } });
  await send(first, 3 * MIB);
  const waiting = bridge.open(facts({ parameters: { size: 30 * MIB } }), () => undefined);
  const closed = bridge.close();
  expect(await waiting).toMatchObject({ kind: 'refuse', reply: { code: 452 } });
  first.writer.discard('aborted');
  await closed;
});

test('a mail without a declared size is paused when it grows, goes on when there is room, and is stored whole', async () => {
  const bridge = tight(20);
  const holder = await open(bridge, { parameters: { size: 30 * MIB } });
  await send(holder, 3 * MIB);
  const grower = await open(bridge);
  const sent = send(grower, 2 * MIB);
  let isPaused = true;
  void sent.then(() => {
    isPaused = false;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isPaused).toBe(true);
  holder.writer.discard('aborted');
  await sent;
  expect(await grower.writer.commit()).toMatchObject({ code: 250 });
  const [stored] = await bridge.stored();
  expect(stored?.body.subarray(-2 * MIB).every((octet) => octet === 0x78)).toBe(true);
});

test('a mail that waits too long in the middle: the rest is thrown away and the answer is 452 4.3.1', async () => {
  const bridge = tight(0.2);
  const holder = await open(bridge, { parameters: { size: 30 * MIB } });
  await send(holder, 3 * MIB);
  const grower = await open(bridge);
  await send(grower, 3 * MIB);
  expect(await grower.writer.commit()).toMatchObject({ code: 452, status: '3.1' });
  holder.writer.discard('aborted');
  await bridge.idle();
  expect(await bridge.stored()).toEqual([]);
});

test('a mail larger than its SIZE said is stored all the same', async () => {
  const bridge = tight(1);
  const liar = await open(bridge, { parameters: { size: 300 * 1024 } });
  await send(liar, 12 * MIB);
  expect(await liar.writer.commit()).toMatchObject({ code: 250 });
  const [stored] = await bridge.stored();
  expect(stored?.body.length).toBeGreaterThan(12 * MIB);
});

test('small mails take turns too: none is lost, and all of them end', async () => {
  const bridge = tight(20);
  // 40 mails of 200 KB under way at once need twice the memory for small mails.
  const replies = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const sending = await open(bridge);
      for (let n = 0; n < 20; n += 1) {
        if (!sending.write(10_000)) await sending.drained();
        await new Promise((resolve) => setImmediate(resolve));
      }
      return sending.writer.commit();
    }),
  );
  expect(new Set(replies.map((reply) => 'code' in reply && reply.code))).toEqual(new Set([250]));
  const stored = await bridge.stored();
  expect(stored).toHaveLength(40);
  for (const { body } of stored)
    expect(body.subarray(-200_000).every((octet) => octet === 0x78)).toBe(true);
});

test('a part that goes up slowly pauses the sender, so that memory stays bounded', async () => {
  const bridge = tight(20);
  bench.proxy.inject('UploadPart', { kind: 'delay', millis: 150 }, ALWAYS);
  const sending = await open(bridge);
  let pauses = 0;
  for (let sent = 0; sent < 40 * MIB; sent += 64 * 1024) {
    if (!sending.write(64 * 1024)) {
      pauses += 1;
      await sending.drained();
    }
  }
  expect(pauses).toBeGreaterThan(0);
  expect(await sending.writer.commit()).toMatchObject({ code: 250 });
  const [stored] = await bridge.stored();
  expect(stored?.body.subarray(-40 * MIB).length).toBe(40 * MIB);
});

/** Writes all spans of one read whatever the writer says, as a connection does, then waits if it must. */
async function sendReads(
  sending: Sending,
  content: Buffer,
  spansOfARead: number,
): Promise<boolean> {
  const octets = 10_000;
  let isPaused = false;
  for (let at = 0; at < content.length; ) {
    isPaused = false;
    for (let span = 0; span < spansOfARead && at < content.length; span += 1) {
      isPaused = !sending.writeSpan(content.subarray(at, at + octets)) || isPaused;
      at += octets;
    }
    if (isPaused && at < content.length) await sending.drained();
  }
  return isPaused;
}

test.each([
  ['grows large', 1],
  ['goes up in parts', 14],
])(
  'a mail that %s keeps its octets in order, also those of a read that came behind a pause',
  async (_, mebibytes) => {
    const bridge = tight(20);
    bench.proxy.inject('UploadPart', { kind: 'delay', millis: 100 }, ALWAYS);
    const holder = await open(bridge, { parameters: { size: 30 * MIB } });
    await send(holder, 3 * MIB);
    const content = Buffer.alloc(mebibytes * MIB);
    for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(at, at);
    const sending = await open(bridge);
    const sent = sendReads(sending, content, 7);
    await new Promise((resolve) => setTimeout(resolve, 50));
    holder.writer.discard('aborted');
    await sent;
    expect(await sending.writer.commit()).toMatchObject({ code: 250 });
    const [stored] = await bridge.stored();
    expect(stored?.body.subarray(-content.length).equals(content)).toBe(true);
  },
);

test('a mail whose end comes with the read that was answered with a pause is stored whole', async () => {
  const bridge = tight(20);
  const holder = await open(bridge, { parameters: { size: 30 * MIB } });
  await send(holder, 3 * MIB);
  const content = Buffer.alloc(300_000);
  for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(at, at);
  const sending = await open(bridge);
  // All of it is one read: the pause comes in the middle, the end of the data behind it.
  expect(await sendReads(sending, content, 1000)).toBe(true);
  const committed = sending.writer.commit();
  holder.writer.discard('aborted');
  expect(await committed).toMatchObject({ code: 250 });
  const [stored] = await bridge.stored();
  expect(stored?.body.subarray(-content.length).equals(content)).toBe(true);
});

test('a mail whose end comes with a pause that lasts too long hears 452 4.3.1', async () => {
  const bridge = tight(0.2);
  const holder = await open(bridge, { parameters: { size: 30 * MIB } });
  await send(holder, 3 * MIB);
  const sending = await open(bridge);
  expect(await sendReads(sending, Buffer.alloc(300_000), 1000)).toBe(true);
  expect(await sending.writer.commit()).toMatchObject({ code: 452, status: '3.1' });
  holder.writer.discard('aborted');
  await bridge.idle();
  expect(bridge.memoryInUse).toBe(0);
});

test('memory is given back by every way a mail can end', async () => {
  const bridge = tight(0.2);
  const size = 30 * MIB;
  for (const end of ['commit', 'discard', 'fail', 'too-large'] as const) {
    const sending = await open(bridge, { parameters: { size } });
    if (end === 'fail')
      bench.proxy.inject('any', { kind: 'refuse', status: 403, code: 'AccessDenied' }, ALWAYS);
    await send(sending, 11 * MIB);
    if (end === 'discard') sending.writer.discard('aborted');
    else if (end === 'too-large') sending.writer.discard('too-large');
    else
      expect(await sending.writer.commit()).toMatchObject({ code: end === 'commit' ? 250 : 451 });
    await bridge.idle();
    bench.proxy.reset();
  }
  // There is one window only: had one not been given back, this would be refused.
  const last = await open(bridge, { parameters: { size } });
  last.writer.discard('aborted');
  await bridge.idle();
  expect(await bridge.stored()).toHaveLength(1);
});
