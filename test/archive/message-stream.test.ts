import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoteForMbox, skipOctets } from '../../src/archive/message-stream.ts';

/** The whole message at once, by the rule as it is written. */
function quoted(message: string): string {
  const body = message.replace(/^(>*From )/gm, '>$1');
  return body.endsWith('\n') || body === '' ? `${body}\n` : `${body}\n\n`;
}

const message = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'From ',
        '>From ',
        '>>From x',
        'From',
        'Fr',
        '>',
        'from ',
        ' From ',
        '\n',
        '\r\n',
      ),
      fc.string({ maxLength: 5 }),
      fc.constant('>'.repeat(50)),
    ),
    { maxLength: 30 },
  )
  // A bare CR begins a line for a regular expression with the flag m, and for no mbox reader.
  .map((parts) => parts.join('').replace(/\r(?!\n)|[^\n -~\r]/g, ''));

test('mboxrd: however the message is cut, every From line gets one more quote', async () => {
  await fc.assert(
    fc.asyncProperty(message, fc.array(fc.nat(200), { maxLength: 8 }), async (text, cuts) => {
      const octets = Buffer.from(text);
      const ends = [...cuts.map((cut) => Math.min(cut, octets.length)), octets.length].sort(
        (a, b) => a - b,
      );
      const chunks = ends.map((end, at) => octets.subarray(ends[at - 1] ?? 0, end));
      const output = await buffer(Readable.from(chunks).pipe(quoteForMbox()));
      expect(output.toString()).toBe(quoted(text));
    }),
    { numRuns: Number(process.env['FUZZ_RUNS'] ?? 1000) },
  );
});

test('skipOctets drops so many octets, however they come', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 9 }), { maxLength: 9 }),
      fc.nat(50),
      async (chunks, octets) => {
        const whole = Buffer.concat(chunks);
        const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
        expect(await buffer(stream.pipe(skipOctets(octets)))).toEqual(whole.subarray(octets));
      },
    ),
  );
});
