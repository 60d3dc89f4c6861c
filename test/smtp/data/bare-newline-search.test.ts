import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BareNewlineSearch } from '../../../src/smtp/data/bare-newline-search.ts';
import { BARE_NEWLINE, scanNewlines } from '../../../src/smtp/data/newline-scan.ts';
import { cutAt } from '../../support/splits.ts';

/** Written for the eye: the place of the first octet that shows a bare newline. */
function bareNewlineIn(octets: Buffer): number {
  for (let at = 0; at < octets.length; at++) {
    const isAfterCr = at > 0 && octets[at - 1] === 13;
    if ((octets[at] === 10) !== isAfterCr) return at;
  }
  return -1;
}

/** The same by the search, over chunks that begin anywhere in their memory. */
function search(chunks: readonly Buffer[], offset: number): number {
  const bareNewlines = new BareNewlineSearch();
  let before = 0;
  for (const chunk of chunks) {
    const memory = Buffer.alloc(chunk.length + offset + 5, '\r');
    chunk.copy(memory, offset);
    const at = bareNewlines.find(memory.subarray(offset, offset + chunk.length), 0, chunk.length);
    if (at !== -1) return before + at;
    before += chunk.length;
  }
  return -1;
}

const pieces = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 40 }) },
  { weight: 6, arbitrary: fc.constant('\r\n') },
  { weight: 1, arbitrary: fc.constantFrom('\r', '\n', '\t', '\0', 'ü', '\u{ff}'.repeat(9), '') },
);

test('is the same wherever the chunks are cut and wherever they lie in memory', () => {
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 12 }),
      fc.array(fc.nat(200), { maxLength: 4 }),
      fc.nat(7),
      (texts, places, offset) => {
        const octets = Buffer.from(texts.join(''));
        fc.pre(octets.length > 0);
        expect(search(cutAt(octets, places), offset)).toBe(bareNewlineIn(octets));
      },
    ),
    { numRuns: 5000 },
  );
});

test('finds each of the two at every place of a long text, and nothing in the text itself', () => {
  const clean = Buffer.from(`${'x'.repeat(30)}\r\n\t${'ü'.repeat(20)}\r\n`);
  for (let offset = 0; offset < 8; offset++) {
    expect(search([clean], offset)).toBe(-1);
    for (let place = 0; place < clean.length; place++) {
      for (const bare of ['\r', '\n']) {
        const octets = Buffer.concat([
          clean.subarray(0, place),
          Buffer.from(bare),
          clean.subarray(place),
        ]);
        expect(search([octets], offset)).toBe(bareNewlineIn(octets));
      }
    }
  }
});

test('does not hold what comes behind the end of the data against the message', () => {
  const message = 'text\r\n.\r\n';
  const octets = Buffer.from(`${message}RSET\nQUIT\r\n`);
  const bareNewlines = new BareNewlineSearch();
  const found = scanNewlines(octets, 0, octets.length, 0);
  expect(found & BARE_NEWLINE).not.toBe(0);
  expect(bareNewlines.find(octets, 0, message.length, found)).toBe(-1);
});
