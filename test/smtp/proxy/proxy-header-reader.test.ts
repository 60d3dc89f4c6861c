import { expect, test } from 'vitest';
import { ProxyHeaderReader, type ProxyRead } from '../../../src/smtp/index.ts';
import { everySplit } from '../../support/splits.ts';

const REST = Buffer.from('EHLO client.example\r\n');

/** Reads pieces; what comes after the header is put together again. */
function read(pieces: readonly Buffer[]): ProxyRead {
  const reader = new ProxyHeaderReader();
  for (const [index, piece] of pieces.entries()) {
    const result = reader.read(piece);
    if (result.kind === 'invalid') return result;
    if (result.kind === 'header') {
      return { ...result, rest: Buffer.concat([result.rest, ...pieces.slice(index + 1)]) };
    }
  }
  return { kind: 'more' };
}

function v2(versionAndCommand: number, family: number, ...variable: Buffer[]): Buffer {
  const body = Buffer.concat(variable);
  const fixed = Buffer.from([versionAndCommand, family, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), fixed, body]);
}

function tlv(type: number, value: string): Buffer {
  return Buffer.concat([Buffer.from([type, 0, value.length]), Buffer.from(value)]);
}

const inet = Buffer.from([192, 0, 2, 1, 203, 0, 113, 9, 0xd4, 0x31, 0, 25]);
const inet6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('00000000000000000000ffffc0000207', 'hex'),
  Buffer.from([0xff, 0xff, 0x02, 0x4b]),
]);
const local = (version: 1 | 2) => ({ kind: 'local', version, tlvs: [] });

test.each([
  [
    'version 1 over IPv4',
    Buffer.from('PROXY TCP4 192.0.2.1 203.0.113.9 54321 25\r\n'),
    {
      kind: 'proxied',
      version: 1,
      clientAddress: '192.0.2.1',
      clientPort: 54_321,
      serverAddress: '203.0.113.9',
      serverPort: 25,
      tlvs: [],
    },
  ],
  [
    'version 1 over IPv6, an IPv4-mapped address as IPv4',
    Buffer.from('PROXY TCP6 2001:DB8:0:0::1 ::ffff:192.0.2.7 65535 0\r\n'),
    {
      kind: 'proxied',
      version: 1,
      clientAddress: '2001:db8::1',
      clientPort: 65_535,
      serverAddress: '192.0.2.7',
      serverPort: 0,
      tlvs: [],
    },
  ],
  ['version 1 UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), local(1)],
  [
    'version 1 UNKNOWN with what is to be ignored',
    Buffer.from('PROXY UNKNOWN ff:: x 1 \r\n'),
    local(1),
  ],
  [
    'the longest line of version 1',
    Buffer.from(`PROXY UNKNOWN ${'f'.repeat(107 - 'PROXY UNKNOWN \r\n'.length)}\r\n`),
    local(1),
  ],
  [
    'version 2 over IPv4, its TLVs kept and its padding not',
    v2(0x21, 0x11, inet, tlv(0xea, '\u0001vpce-1'), tlv(0x04, '   '), tlv(0x05, '')),
    {
      kind: 'proxied',
      version: 2,
      clientAddress: '192.0.2.1',
      clientPort: 54_321,
      serverAddress: '203.0.113.9',
      serverPort: 25,
      tlvs: [
        { type: 0xea, value: Buffer.from('\u0001vpce-1') },
        { type: 0x05, value: Buffer.alloc(0) },
      ],
    },
  ],
  [
    'version 2 over IPv6',
    v2(0x21, 0x21, inet6),
    {
      kind: 'proxied',
      version: 2,
      clientAddress: '2001:db8::1',
      clientPort: 65_535,
      serverAddress: '192.0.2.7',
      serverPort: 587,
      tlvs: [],
    },
  ],
  ['version 2 LOCAL, a health probe', v2(0x20, 0x00), local(2)],
  ['version 2 LOCAL with addresses that are to be ignored', v2(0x20, 0x11, inet), local(2)],
  ['version 2 of no family', v2(0x21, 0x00), local(2)],
  ['version 2 over a UNIX socket', v2(0x21, 0x31, Buffer.alloc(216)), local(2)],
])('%s is a header, whatever the split', (_, header, expected) => {
  for (const pieces of everySplit(Buffer.concat([header, REST]))) {
    expect(read(pieces)).toEqual({ kind: 'header', header: expected, rest: REST });
  }
  for (let length = 0; length < header.length; length++) {
    expect(new ProxyHeaderReader().read(header.subarray(0, length))).toEqual({ kind: 'more' });
  }
});

test.each([
  ['SMTP', Buffer.from('EHLO client.example\r\n'), 'not-a-header'],
  ['what begins as version 1', Buffer.from('PROXY\tTCP4'), 'not-a-header'],
  ['what begins as version 2', Buffer.from('\r\n\r\n\r\n'), 'not-a-header'],
  ['a line that is too long', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`), 'too-long'],
  ['a line without end', Buffer.alloc(200, 'PROXY UNKNOWN '), 'too-long'],
  ['another protocol', Buffer.from('PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n'), 'protocol'],
  ['no protocol', Buffer.from('PROXY \r\n'), 'protocol'],
  ['an address of the other family', Buffer.from('PROXY TCP4 ::1 1.2.3.4 1 2\r\n'), 'address'],
  ['no address', Buffer.from('PROXY TCP6 ::1\r\n'), 'address'],
  ['a wrong address', Buffer.from('PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n'), 'address'],
  ['two spaces', Buffer.from('PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n'), 'address'],
  ['no port', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n'), 'port'],
  ['a port out of range', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n'), 'port'],
  ['a port with a zero before it', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n'), 'port'],
  ['one field too many', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n'), 'port'],
  ['version 3', v2(0x31, 0x11, inet), 'version'],
  ['an unknown command', v2(0x22, 0x11, inet), 'command'],
  ['datagrams', v2(0x21, 0x12, inet), 'transport'],
  ['an unknown family', v2(0x21, 0x41, inet), 'protocol'],
  ['addresses cut short', v2(0x21, 0x21, inet), 'truncated-addresses'],
  ['a TLV without its length', v2(0x21, 0x11, inet, Buffer.from([1, 0])), 'tlv'],
  ['a TLV longer than the header', v2(0x21, 0x11, inet, Buffer.from([1, 0, 2, 0])), 'tlv'],
  ['more than is held', v2(0x21, 0x11, inet, Buffer.alloc(4085)), 'too-long'],
])('%s is refused, whatever the split', (_, octets, fault) => {
  for (const pieces of everySplit(octets)) {
    expect(read(pieces)).toEqual({ kind: 'invalid', fault });
  }
});
