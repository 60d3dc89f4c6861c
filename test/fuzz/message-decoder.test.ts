// The octets of a message from the session to its writer: any octets, in any cut, from DATA and from BDAT.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MessageDecoder } from '../../src/smtp/data/message-decoder.ts';
import type { Output } from '../../src/smtp/index.ts';
import { decodeByReference, normalizeByReference } from '../support/reference-decoder.ts';
import { usualOptions } from '../support/session.ts';
import { cutAt } from '../support/splits.ts';
import { runs } from './runs.ts';

const octets = fc
  .array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.constantFrom(
          ...['\r', '\n', '.', 'a', '\r\n', '\r\n.', '.\r\n', '\0', '\n.', '\r.'],
          ...['some text\r\n', '.x\r\n'.repeat(40), '\n'.repeat(30), `${'y'.repeat(70)}\r\n.`],
        ),
      },
      {
        weight: 1,
        arbitrary: fc
          .uint8Array({ maxLength: 40 })
          .map((each) => Buffer.from(each).toString('latin1')),
      },
    ),
    { maxLength: 40 },
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));
const cuts = fc.array(fc.nat(300), { maxLength: 12 });
const limits = fc.constantFrom(20, 100, 1_000_000);

interface Taken {
  readonly stored: string;
  readonly received: string;
  readonly isTooLarge: boolean;
  readonly end: number;
}

/** What the decoder made of the pieces: DATA's, or chunks of BDAT. */
function take(pieces: readonly Buffer[], maxMessageSize: number, isData: boolean): Taken {
  const decoder = new MessageDecoder({
    ...usualOptions,
    bareNewline: 'normalize',
    maxMessageSize,
  });
  const outputs: Output[] = [];
  let end = -1;
  let before = 0;
  for (const piece of pieces.filter(({ length }) => length > 0)) {
    if (!isData) decoder.takeOctets(piece, outputs);
    else if (end === -1) {
      const at = decoder.takeData(piece, 0, outputs);
      if (at !== -1) end = before + at;
      before += piece.length;
    }
  }
  if (!isData) decoder.end(outputs);
  let stored = '';
  let received = '';
  for (const output of outputs) {
    if (output.kind !== 'write-message') continue;
    stored += output.span.toString('latin1');
    received += (output.received ?? output.span).toString('latin1');
  }
  if (decoder.refusal === null) expect(decoder.sizeInOctets).toBe(received.length);
  return { stored, received, isTooLarge: decoder.refusal === 'message-too-large', end };
}

/** A CR that is the last octet so far has its LF yet to come. */
function normalizedSoFar(received: string, isWhole: boolean): string {
  const normalized = normalizeByReference(received);
  return received.endsWith('\r') && !isWhole ? normalized.slice(0, -1) : normalized;
}

test('DATA is normalized as the reference does it, however cut, and ends where it ends in any other mode', () => {
  fc.assert(
    fc.property(octets, cuts, limits, (bytes, places, limit) => {
      const { message, end } = decodeByReference(bytes);
      const received = message.toString('latin1');
      const stored = normalizedSoFar(received, end !== -1);
      const taken = take(cutAt(bytes, places), limit, true);
      expect(taken.end).toBe(end);
      expect(taken.isTooLarge).toBe(stored.length > limit);
      if (stored.length <= limit) expect(taken).toMatchObject({ stored, received });
      else expect(stored.startsWith(taken.stored)).toBe(true);
    }),
    runs(3000),
  );
});

test('BDAT is normalized as the reference does it, however cut', () => {
  fc.assert(
    fc.property(octets, cuts, limits, (bytes, places, limit) => {
      const received = bytes.toString('latin1');
      const stored = normalizeByReference(received);
      const taken = take(cutAt(bytes, places), limit, false);
      expect(taken.isTooLarge).toBe(stored.length > limit);
      if (stored.length <= limit) expect(taken).toMatchObject({ stored, received });
      else expect(stored.startsWith(taken.stored)).toBe(true);
    }),
    runs(3000),
  );
});

test('a message without a bare newline is written as it was received, without a copy', () => {
  const clean = Buffer.from(`${'x'.repeat(70)}\r\n`.repeat(1000));
  for (const bareNewline of ['normalize', 'reject', 'accept'] as const) {
    const decoder = new MessageDecoder({ ...usualOptions, bareNewline });
    const outputs: Output[] = [];
    decoder.takeData(clean, 0, outputs);
    expect(outputs).toHaveLength(1);
    const [output] = outputs;
    if (output?.kind !== 'write-message') throw new Error('expected a write, got none');
    expect(output.span.buffer).toBe(clean.buffer);
    expect(output).not.toHaveProperty('received');
  }
});
