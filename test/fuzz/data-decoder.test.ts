import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataDecoder } from '../../src/smtp/data/data-decoder.ts';
import { decodeByReference, stuff } from '../support/reference-decoder.ts';
import { cutAt } from '../support/splits.ts';
import { runs } from './runs.ts';

/** Data made of what the decoder cares for, so that ends and near-ends are frequent. */
const data = fc
  .array(
    fc.constantFrom(
      '\r',
      '\n',
      '.',
      'a',
      '\r\n',
      '\r\n.',
      '.\r\n',
      '\0',
      '.x\r\n'.repeat(40),
      `${'y'.repeat(70)}\r\n.`,
    ),
    {
      maxLength: 60,
    },
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));
const cuts = fc.array(fc.nat(300), { maxLength: 20 });

function decode(chunks: readonly Buffer[]): { message: Buffer; end: number } {
  const decoder = new DataDecoder();
  const message: Buffer[] = [];
  let before = 0;
  for (const chunk of chunks) {
    const spans: Buffer[] = [];
    const end = decoder.decode(chunk, 0, spans);
    message.push(...spans);
    if (end !== -1) return { message: Buffer.concat(message), end: before + end };
    before += chunk.length;
  }
  return { message: Buffer.concat(message), end: -1 };
}

test('the decoder agrees with the reference on any data, however cut', () => {
  fc.assert(
    fc.property(data, cuts, (bytes, places) => {
      expect(decode(cutAt(bytes, places))).toEqual(decodeByReference(bytes));
    }),
    runs(2000),
  );
});

test('what a client stuffs comes out as it went in', () => {
  const message = fc
    .array(fc.constantFrom('\r', '\n', '.', '..', 'a', '\r\n', '\r\n.'), { maxLength: 40 })
    .map((parts) => `${parts.join('')}\r\n`);
  fc.assert(
    fc.property(message, cuts, (text, places) => {
      const bytes = Buffer.from(stuff(text), 'latin1');
      const decoded = decode(cutAt(bytes, places));
      expect(decoded.message.toString('latin1')).toBe(text);
      expect(decoded.end).toBe(bytes.length);
    }),
    runs(2000),
  );
});
