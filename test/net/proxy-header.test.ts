import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseProxyHeader, type ProxyHeader } from '../../src/net/proxy-header.ts';
import { everySplit } from '../support/splits.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';

const hex = (...parts: string[]): Buffer => Buffer.from(parts.join(''), 'hex');
const line = (text: string): Buffer => Buffer.from(`${text}\r\n`);

const IPV4 = 'cb007107c0000201d2f40019';
const IPV6 = `20010db8${'0'.repeat(23)}1${'0'.repeat(20)}ffffc0000201d2f40019`;

const whole: readonly [string, Buffer, Partial<ProxyHeader>][] = [
  [
    'version 1 over IPv4',
    line('PROXY TCP4 203.0.113.7 192.0.2.1 54004 25'),
    { version: 1, command: 'proxy', source: { address: '203.0.113.7', port: 54004 } },
  ],
  [
    'version 1 over IPv6, however it is written',
    line('PROXY TCP6 2001:DB8:0::01 ::ffff:192.0.2.1 54004 25'),
    {
      source: { address: '2001:db8::1', port: 54004 },
      destination: { address: '192.0.2.1', port: 25 },
    },
  ],
  [
    'version 1 of its greatest length',
    line(`PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535`),
    { source: { address: `${'ffff:'.repeat(7)}ffff`, port: 65535 } },
  ],
  ['version 1 that does not know', line('PROXY UNKNOWN'), { command: 'proxy' }],
  [
    'version 1 that does not know, and says something all the same',
    line('PROXY UNKNOWN ffff::1 what ever'),
    {},
  ],
  [
    'version 2 over IPv4',
    hex(SIGNATURE, '2111000c', IPV4),
    {
      version: 2,
      command: 'proxy',
      source: { address: '203.0.113.7', port: 54004 },
      destination: { address: '192.0.2.1', port: 25 },
      tlvs: [],
    },
  ],
  [
    'version 2 over IPv6',
    hex(SIGNATURE, '21210024', IPV6),
    {
      source: { address: '2001:db8::1', port: 54004 },
      destination: { address: '192.0.2.1', port: 25 },
    },
  ],
  [
    'version 2 with TLVs, of which the VPC endpoint of AWS is one',
    hex(SIGNATURE, '21110019', IPV4, 'ea000601', Buffer.from('vpce-').toString('hex'), '040001ff'),
    {
      tlvs: [
        { type: 0xea, value: Buffer.from('\x01vpce-') },
        { type: 4, value: Buffer.from([0xff]) },
      ],
    },
  ],
  ['version 2 of the proxy itself', hex(SIGNATURE, '20000000'), { command: 'local' }],
  [
    'version 2 of the proxy itself, with what is to be skipped',
    hex(SIGNATURE, '2000000299ff'),
    { command: 'local' },
  ],
  ['version 2 of no family', hex(SIGNATURE, '21000000'), { command: 'proxy' }],
  ['version 2 of a UNIX socket', hex(SIGNATURE, '213100d8', '00'.repeat(216)), {}],
  ['version 2 over UDP', hex(SIGNATURE, '2112000c', IPV4), {}],
];

describe.each(whole)('%s', (name, header, expected) => {
  test(`${name} is read whole, and ends where the client begins`, () => {
    const client = Buffer.from('EHLO c\r\n');
    const parsed = parseProxyHeader(Buffer.concat([header, client]));
    expect(parsed).toMatchObject({ kind: 'header', length: header.length, ...expected });
    expect('source' in parsed).toBe('source' in expected || 'tlvs' in expected);
  });

  test(`${name} is awaited however it is cut`, () => {
    for (const [first] of everySplit(header)) {
      const isWhole = first?.length === header.length;
      expect(parseProxyHeader(first ?? header).kind).toBe(isWhole ? 'header' : 'incomplete');
    }
  });
});

test.each([
  ['a greeting', line('EHLO c'), 'start'],
  ['a TLS handshake', hex('1603010200'), 'start'],
  ['another family', line('PROXY UDP4 203.0.113.7 192.0.2.1 1 2'), 'family'],
  ['lower case', line('proxy TCP4 203.0.113.7 192.0.2.1 1 2'), 'start'],
  ['an address of the other family', line('PROXY TCP4 2001:db8::1 ::1 1 2'), 'address'],
  ['a name for an address', line('PROXY TCP4 localhost 192.0.2.1 1 2'), 'address'],
  ['an address with leading zeros', line('PROXY TCP4 010.1.2.3 192.0.2.1 1 2'), 'address'],
  ['the same within IPv6', line('PROXY TCP6 ::ffff:010.1.2.3 ::1 1 2'), 'address'],
  ['a port too high', line('PROXY TCP4 203.0.113.7 192.0.2.1 65536 25'), 'port'],
  ['a port with a leading zero', line('PROXY TCP4 203.0.113.7 192.0.2.1 025 25'), 'port'],
  ['a port missing', line('PROXY TCP4 203.0.113.7 192.0.2.1 25'), 'port'],
  ['two spaces', line('PROXY  TCP4 203.0.113.7 192.0.2.1 1 2'), 'family'],
  ['one word too many', line('PROXY TCP4 203.0.113.7 192.0.2.1 1 2 3'), 'port'],
  ['a line without end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(93)}`), 'length'],
  ['version 3', hex(SIGNATURE, '31'), 'version-or-command'],
  ['an unknown command', hex(SIGNATURE, '22'), 'version-or-command'],
  ['an unknown family', hex(SIGNATURE, '2141000c', IPV4), 'family'],
  ['a block too short for its family', hex(SIGNATURE, '2121000c', IPV4), 'address'],
  ['a header too long to be meant', hex(SIGNATURE, '2111ffff'), 'length'],
  ['a TLV cut off', hex(SIGNATURE, '2111000e', IPV4, '0400'), 'tlv'],
  ['a TLV longer than the header', hex(SIGNATURE, '2111000f', IPV4, '04ffff'), 'tlv'],
])('%s is no header', (_, octets, fault) => {
  expect(parseProxyHeader(octets)).toEqual({ kind: 'malformed', fault });
});

test('nothing is not a header yet', () => {
  expect(parseProxyHeader(Buffer.alloc(0))).toEqual({ kind: 'incomplete' });
});

test('any octets give an answer, and more of them never take back that they are malformed', () => {
  const start = fc.constantFrom(Buffer.from('PROXY '), hex(SIGNATURE), Buffer.alloc(0));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (first, rest) => {
      const octets = Buffer.concat([first, rest]);
      let isOver = false;
      for (let length = 0; length <= octets.length; length++) {
        const { kind } = parseProxyHeader(octets.subarray(0, length));
        if (isOver) expect(kind).not.toBe('incomplete');
        isOver ||= kind !== 'incomplete';
      }
    }),
  );
});
