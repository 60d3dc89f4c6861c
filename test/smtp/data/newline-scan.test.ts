import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeScan, scanNewlines } from '../../../src/smtp/data/newline-scan.ts';
import { runs } from '../../fuzz/runs.ts';

/** Octet by octet: 1 for a bare newline, 2 for a dot after an LF. */
function lookAt(octets: Buffer, before: number): number {
  let found = 0;
  let last = before;
  for (const octet of octets) {
    if ((octet === 10) !== (last === 13)) found |= 1;
    if (octet === 46 && last === 10) found |= 2;
    last = octet;
  }
  return found;
}

const octets = fc
  .array(fc.constantFrom('a', 'aaaaaaa', '\r\n', '\r\n', '\r', '\n', '.', '\r\n.'), {
    minLength: 1,
    maxLength: 60,
  })
  .map((parts) => Buffer.from(parts.join('')));

test('finds what a look at each octet finds, wherever it stands', () => {
  fc.assert(
    fc.property(octets, fc.constantFrom(0, 13), fc.nat(40), (chunk, before, shift) => {
      const longer = Buffer.concat([Buffer.alloc(shift, '\n'), chunk, Buffer.from('\n.\r')]);
      const end = shift + chunk.length;
      expect(scanNewlines(longer, shift, end, before)).toBe(lookAt(chunk, before));
    }),
    runs(5000),
  );
});

test('sees over the borders of its pieces', () => {
  const lines = Buffer.from(`${'x'.repeat(78)}\r\n`.repeat(2500));
  expect(scanNewlines(lines, 0, lines.length, 0)).toBe(0);
  for (const [at, text, found] of [
    [65_535, '\r\n', 0],
    [65_535, '\r.', 1],
    [65_535, 'x\n', 1],
    [65_534, '\r\n.', 2],
    [131_071, '\n.', 3],
    [131_072, '\r', 1],
  ] as const) {
    const chunk = Buffer.alloc(200_000, 'x');
    chunk.write(text, at, 'latin1');
    expect(scanNewlines(chunk, 0, chunk.length, 0)).toBe(found);
  }
});

test('an empty stretch has nothing', () => {
  expect(scanNewlines(Buffer.from('\n.'), 1, 1, 13)).toBe(0);
});

test('where its program cannot run, every chunk may have everything', () => {
  expect(makeScan(Buffer.from('no program'))(Buffer.from('a'), 0, 1, 0)).toBe(3);
});
