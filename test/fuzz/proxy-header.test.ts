import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ParsedProxyHeader, parseProxyHeader } from '../../src/net/proxy-header.ts';
import { cutAt } from '../support/splits.ts';
import { runs } from './runs.ts';

/** As the server does: parses again at each piece, until it is a header or cannot become one. */
function read(pieces: readonly Buffer[]): ParsedProxyHeader {
  for (const [index] of pieces.entries()) {
    const result = parseProxyHeader(Buffer.concat(pieces.slice(0, index + 1)));
    if (result.kind !== 'incomplete') return result;
  }
  return { kind: 'incomplete' };
}

const v1 = fc
  .array(
    fc.constantFrom('TCP4', 'TCP6', 'UNKNOWN', ' ', '192.0.2.1', '::1', '25', '65536', '\r\n', 'x'),
    {
      maxLength: 14,
    },
  )
  .map((parts) => Buffer.from(`PROXY ${parts.join('')}\r\n`));
const v2 = fc
  .tuple(
    fc.constantFrom(0x20, 0x21, 0x22, 0x31),
    fc.constantFrom(0x00, 0x11, 0x12, 0x21, 0x31, 0x41),
    fc.nat(300),
    fc.uint8Array({ maxLength: 300 }),
  )
  .map(([command, family, length, rest]) =>
    Buffer.concat([
      Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
      Buffer.from([command, family, length >> 8, length & 0xff]),
      rest,
    ]),
  );
const header = fc.oneof(
  v1,
  v2,
  fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets)),
);

test('any octets are read as the same header, or the same fault, for every split', () => {
  fc.assert(
    fc.property(header, fc.array(fc.nat(320), { maxLength: 6 }), (bytes, cuts) => {
      expect(read(cutAt(bytes, cuts))).toEqual(read([bytes]));
    }),
    runs(2000),
  );
});
