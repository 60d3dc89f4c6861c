import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SmallContent } from '../../../src/bridge/intake/small-content.ts';

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
