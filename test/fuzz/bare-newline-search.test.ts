import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BareNewlineSearch } from '../../src/smtp/data/bare-newline-search.ts';
import { cutAt } from '../support/splits.ts';
import { runs } from './runs.ts';

const data = fc
  .array(fc.constantFrom('\r', '\n', '\r\n', '\r\n', '\r\n', 'a', '\t', '\x8d\x8a', 'some text'), {
    maxLength: 40,
  })
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));

test('the search agrees with a regular expression on any data, however cut', () => {
  fc.assert(
    fc.property(data, fc.array(fc.nat(120), { maxLength: 8 }), (bytes, cuts) => {
      const match = /(?<!\r)\n|(?<=\r)[^\n]/.exec(bytes.toString('latin1'));
      const search = new BareNewlineSearch();
      let found = -1;
      let before = 0;
      for (const piece of cutAt(bytes, cuts)) {
        if (found !== -1) break;
        const at = search.find(piece, 0, piece.length);
        if (at !== -1) found = before + at;
        before += piece.length;
      }
      expect(found).toBe(match?.index ?? -1);
    }),
    runs(2000),
  );
});
