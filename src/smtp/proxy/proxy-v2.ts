// PROXY protocol version 2, binary: section 2.2.
import { ipv4FromOctets, ipv6FromOctets } from '../address-text.ts';
import { MORE, type ProxyHeader, type ProxyRead, type ProxyTlv, invalid } from './proxy-header.ts';

export const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Signature, version and command, family and transport, length. */
const FIXED_OCTETS = 16;
/** Addresses and TLVs together. The field holds 65,535; a proxy's names and certificates need a part of that. */
const VARIABLE_OCTETS = 4096;
const VERSION = 2;
const Command = { Local: 0, Proxy: 1 } as const;
const Family = { Unspecified: 0, Inet: 1, Inet6: 2, Unix: 3 } as const;
const Transport = { Unspecified: 0, Stream: 1 } as const;
const UNIX_OCTETS = 216;
/** PP2_TYPE_NOOP: padding. */
const NOOP = 0x04;

/** Reads a header that begins with the signature. */
export function readV2(octets: Buffer): ProxyRead {
  if (octets.length < FIXED_OCTETS) return MORE;
  const versionAndCommand = octets.readUInt8(12);
  const familyAndTransport = octets.readUInt8(13);
  const length = octets.readUInt16BE(14);
  if (versionAndCommand >> 4 !== VERSION) return invalid('version');
  const command = versionAndCommand & 0x0f;
  if (command !== Command.Local && command !== Command.Proxy) return invalid('command');
  if (length > VARIABLE_OCTETS) return invalid('too-long');
  const end = FIXED_OCTETS + length;
  if (octets.length < end) return MORE;
  const rest = octets.subarray(end);
  // The addresses of a local connection are to be ignored, whatever they are.
  if (command === Command.Local) {
    return { kind: 'header', header: { kind: 'local', version: 2, tlvs: [] }, rest };
  }
  const transport = familyAndTransport & 0x0f;
  if (transport !== Transport.Stream && transport !== Transport.Unspecified) {
    return invalid('transport');
  }
  const header = readAddresses(familyAndTransport >> 4, octets.subarray(FIXED_OCTETS, end));
  return typeof header === 'string' ? invalid(header) : { kind: 'header', header, rest };
}

function readAddresses(
  family: number,
  octets: Buffer,
): ProxyHeader | 'truncated-addresses' | 'tlv' | 'protocol' {
  const size = addressOctets(family);
  if (size === undefined) return 'protocol';
  if (octets.length < size) return 'truncated-addresses';
  const tlvs = readTlvs(octets.subarray(size));
  if (tlvs === undefined) return 'tlv';
  if (family !== Family.Inet && family !== Family.Inet6) return { kind: 'local', version: 2, tlvs };
  const half = (size - 4) / 2;
  const textOf = family === Family.Inet ? ipv4FromOctets : ipv6FromOctets;
  return {
    kind: 'proxied',
    version: 2,
    clientAddress: textOf(octets.subarray(0, half)),
    clientPort: octets.readUInt16BE(2 * half),
    serverAddress: textOf(octets.subarray(half, 2 * half)),
    serverPort: octets.readUInt16BE(2 * half + 2),
    tlvs,
  };
}

function addressOctets(family: number): number | undefined {
  switch (family) {
    case Family.Unspecified:
      return 0;
    case Family.Inet:
      return 12;
    case Family.Inet6:
      return 36;
    case Family.Unix:
      return UNIX_OCTETS;
    default:
      return undefined;
  }
}

/** Copies, so that the few octets of a value do not keep a socket's buffer. */
function readTlvs(octets: Buffer): ProxyTlv[] | undefined {
  const tlvs: ProxyTlv[] = [];
  for (let at = 0; at < octets.length; ) {
    if (octets.length - at < 3) return undefined;
    const type = octets.readUInt8(at);
    const start = at + 3;
    at = start + octets.readUInt16BE(at + 1);
    if (at > octets.length) return undefined;
    if (type !== NOOP) tlvs.push({ type, value: Buffer.from(octets.subarray(start, at)) });
  }
  return tlvs;
}
