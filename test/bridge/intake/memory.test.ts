import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BLOCK_OCTETS,
  BlockPool,
  Memory,
  SMALL_OCTETS,
  SmallPool,
  type Reservation,
  WINDOW_BLOCKS,
} from '../../../src/bridge/intake/memory.ts';
import { SmallContent } from '../../../src/bridge/intake/small-content.ts';

const never = new AbortController().signal;
const reservation = (): Reservation => ({ held: 0 });

describe('the small pool', () => {
  test('the small pool gives until it is full, then in the order of asking', async () => {
    const pool = new SmallPool(SMALL_OCTETS + 1000);
    const [a, b, c, d] = [reservation(), reservation(), reservation(), reservation()];
    const granted: string[] = [];
    expect(pool.reserve(a, 600, () => undefined)).toBe(true);
    expect(pool.reserve(b, 400, () => undefined)).toBe(true);
    expect(pool.reserve(c, 500, () => granted.push('c'))).toBe(false);
    expect(pool.reserve(d, 500, () => granted.push('d'))).toBe(false);
    await Promise.resolve();
    // The one that waits longest may go on out of what is kept back; the other waits.
    expect(granted).toEqual(['c']);
    expect(pool.isShort).toBe(true);
    pool.release(c);
    pool.release(a);
    await Promise.resolve();
    expect(granted).toEqual(['c', 'd']);
    pool.release(b);
    pool.release(d);
    expect(pool.usedOctets).toBe(0);
    expect(pool.isShort).toBe(false);
  });

  test('the small pool never holds more than its size, and every message that goes on ends: no deadlock', async () => {
    const octets = 4 * SMALL_OCTETS;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 1, max: 64 * 1024 }), { maxLength: 4 }), {
          maxLength: 40,
        }),
        async (messages) => {
          const pool = new SmallPool(octets);
          let peak = 0;
          const run = async (steps: readonly number[]): Promise<void> => {
            const own = reservation();
            for (const step of steps) {
              await new Promise<void>((resolve) => {
                if (pool.reserve(own, step, resolve)) resolve();
              });
              peak = Math.max(peak, pool.usedOctets);
            }
            pool.release(own);
          };
          await Promise.all(messages.map(run));
          expect(peak).toBeLessThanOrEqual(octets);
          expect(pool.usedOctets).toBe(0);
        },
      ),
    );
  });

  test('the small pool forgets one that gave up waiting', () => {
    const pool = new SmallPool(SMALL_OCTETS);
    const [first, second] = [reservation(), reservation()];
    pool.reserve(first, 10, () => undefined);
    pool.reserve(second, 10, () => expect.unreachable());
    pool.release(second);
    expect(pool.isShort).toBe(false);
    expect(second.held).toBe(0);
  });
});

describe('the block pool', () => {
  test('the block pool lets no more blocks be owned than there are, first come, first served', async () => {
    const pool = new BlockPool(10);
    expect(await pool.own(6, 1000, never)).toBe(true);
    const order: string[] = [];
    const large = pool.own(8, 10_000, never).then(() => order.push('large'));
    // Would fit, but would starve the one before it.
    expect(pool.tryOwn(2)).toBe(false);
    const small = pool.own(2, 10_000, never).then(() => order.push('small'));
    expect(pool.isShort).toBe(true);
    pool.disown(6);
    await Promise.all([large, small]);
    expect(order).toEqual(['large', 'small']);
    expect(pool.ownedBlocks).toBe(10);
  });

  test('the block pool stops waiting after its time, or when told to, and lets the next one through', async () => {
    const pool = new BlockPool(4);
    pool.tryOwn(3);
    const gone = new AbortController();
    const late = pool.own(4, 20, never);
    const aborted = pool.own(4, 10_000, gone.signal);
    const next = pool.own(1, 10_000, never);
    gone.abort();
    expect(await Promise.all([late, aborted, next])).toEqual([false, false, true]);
    expect(pool.ownedBlocks).toBe(4);
  });

  test('the block pool uses its blocks again', () => {
    const pool = new BlockPool(4);
    const block = pool.take();
    expect(block).toHaveLength(BLOCK_OCTETS);
    pool.putBack([block]);
    expect(pool.take()).toBe(block);
  });
});

test('shares limits.memory out, with room for one large mail at the least', () => {
  const { large } = new Memory(256 * 1024 * 1024);
  expect(large.size * BLOCK_OCTETS).toBe(192 * 1024 * 1024);
  expect(new Memory(1).large.size).toBe(WINDOW_BLOCKS);
});

describe('small content', () => {
  test('small content keeps octets in their order whatever their pieces, and knows what it holds', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 60 }), (pieces) => {
        const content = new SmallContent();
        for (const [index, piece] of pieces.entries()) {
          // Every other one is a view of a larger buffer.
          const own = Buffer.from(Uint8Array.from(piece).buffer);
          const view = Buffer.alloc(100_000);
          view.set(piece, 500);
          content.add(index % 2 === 0 ? own : view.subarray(500, 500 + piece.length));
        }
        const chunks = content.take();
        expect(Buffer.concat(chunks)).toEqual(Buffer.concat(pieces));
        const backing = new Set(chunks.map(({ buffer }) => buffer));
        let octets = 0;
        for (const { byteLength } of backing) octets += byteLength;
        expect(content.heldOctets).toBeGreaterThanOrEqual(octets);
      }),
    );
  });

  test('small content copies the single octets of a slow sender instead of keeping a buffer for each', () => {
    const content = new SmallContent();
    for (let n = 0; n < 10_000; n += 1) content.add(Buffer.alloc(65_536).subarray(0, 1));
    expect(content.take().length).toBeLessThan(10);
    expect(content.heldOctets).toBeLessThan(64 * 1024);
  });

  test('small content keeps a span as it came where that costs no more than it holds', () => {
    const span = Buffer.from(new ArrayBuffer(4096));
    const content = new SmallContent();
    content.add(span);
    expect(content.take()[0]).toBe(span);
  });
});
