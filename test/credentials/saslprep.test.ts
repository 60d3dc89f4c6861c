import fc from 'fast-check';
import { expect, test } from 'vitest';
import { saslprep } from '../../src/credentials/saslprep.ts';
import { canonicalUsername } from '../../src/credentials/username.ts';

test.each<[string, string, string | undefined]>([
  // RFC 4013 section 3, examples 1 to 7.
  ['maps SOFT HYPHEN to nothing', 'I\u00ADX', 'IX'],
  ['leaves ASCII as it is', 'user', 'user'],
  ['keeps case', 'USER', 'USER'],
  ['normalises by NFKC', '\u00AA', 'a'],
  ['normalises a Roman numeral', '\u2168', 'IX'],
  ['refuses a control character', '\u0007', undefined],
  ['refuses right-to-left text that ends otherwise', '\u0627\u0031', undefined],
  // RFC 4013 section 2.
  ['maps a no-break space to SPACE', 'a\u00A0b', 'a b'],
  ['refuses private use', 'a\uE000', undefined],
  ['refuses a lone surrogate', 'a\uD800', undefined],
  ['refuses a replacement character', 'a\uFFFD', undefined],
  ['refuses a bidirectional override', 'a\u202Eb', undefined],
  ['refuses NUL', 'a\0b', undefined],
  // RFC 3454 section 6.
  ['takes right-to-left text alone', '\u05D0\u05D1', '\u05D0\u05D1'],
  ['takes digits inside right-to-left text', '\u05D01\u05D1', '\u05D01\u05D1'],
  ['refuses letters of both directions', '\u05D0a\u05D1', undefined],
])('SASLprep %s', (_, text, expected) => {
  expect(saslprep(text)).toBe(expected);
});

test('SASLprep changes nothing when it is applied again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const once = saslprep(text);
      if (once !== undefined) expect(saslprep(once)).toBe(once);
    }),
    { numRuns: 2000 },
  );
});

test.each<[string, string, string | undefined]>([
  ['ignores case', 'Alice@Example.COM', 'alice@example.com'],
  ['ignores case beyond ASCII', 'JÖRG', 'jörg'],
  ['has one name for both small sigmas', 'ΟΔΟΣ', 'οδος'.toUpperCase().toLowerCase()],
  ['has one name for sharp s, its capital and what stands for it', 'GROẞ', 'gross'],
  ['takes composed and decomposed as one', 'jo\u0308rg', 'jörg'],
  ['takes full-width letters as their ASCII', 'ｄｅｍｏ', 'demo'],
  ['refuses an empty name', '', undefined],
  ['refuses a name that is prepared to nothing', '\u00AD', undefined],
  ['refuses NUL', 'a\0', undefined],
  ['takes 255 octets', 'a'.repeat(255), 'a'.repeat(255)],
  ['refuses 256 octets', 'a'.repeat(256), undefined],
  ['counts octets and not characters', 'é'.repeat(128), undefined],
])('a user name %s', (_, text, expected) => {
  expect(canonicalUsername(text)).toBe(expected);
});

test('a canonical user name is its own canonical name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      const once = canonicalUsername(text);
      if (once !== undefined) expect(canonicalUsername(once)).toBe(once);
    }),
    { numRuns: 5000 },
  );
});

test('no character anywhere makes a canonical user name that has another canonical name', () => {
  const unstable: string[] = [];
  for (let codePoint = 1; codePoint < 0x110000; codePoint++) {
    if (codePoint >= 0xd800 && codePoint < 0xe000) continue;
    const once = canonicalUsername(`Σ${String.fromCodePoint(codePoint)}`);
    if (once !== undefined && canonicalUsername(once) !== once) unstable.push(once);
  }
  expect(unstable).toEqual([]);
});
