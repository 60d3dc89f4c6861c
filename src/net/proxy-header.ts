// The header that a proxy sends first on a connection, with the address of its client: the PROXY protocol,
// versions 1 and 2 (haproxy.org, proxy-protocol.txt, 2020/03/05), told apart by their first octets. Whether the
// sender is a trusted proxy is the caller's check.
import { isIP } from 'node:net';
import { canonicalIpv6 } from './addresses.ts';

/** One end of the proxied connection. */
export interface ProxyEndpoint {
  /** As RFC 5952 writes it; an IPv4-mapped address as IPv4. */
  readonly address: string;
  readonly port: number;
}

/** One type-length-value of version 2 (section 2.2), as it was sent. */
export interface ProxyTlv {
  readonly type: number;
  readonly value: Buffer;
}

/** A whole header. */
export interface ProxyHeader {
  readonly kind: 'header';
  readonly version: 1 | 2;
  /** `local`: the proxy speaks for itself, as in a health probe: a session with the addresses of the connection. */
  readonly command: 'proxy' | 'local';
  /** The client; absent where the proxy does not know it, or it is no TCP connection. */
  readonly source?: ProxyEndpoint;
  /** The address that the client connected to. */
  readonly destination?: ProxyEndpoint;
  readonly tlvs: readonly ProxyTlv[];
  /** Octets of the header: what follows is the client's. */
  readonly length: number;
}

export type ParsedProxyHeader =
  | ProxyHeader
  /** So far it may become a header. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly fault: ProxyFault };

/** What is wrong with a header. */
export type ProxyFault =
  /** No header begins like this. */
  | 'start'
  | 'version-or-command'
  | 'family'
  | 'address'
  | 'port'
  | 'tlv'
  /** Longer than its version allows, or than is held of it. */
  | 'length';

/** Section 2.1: the longest line of version 1, its CRLF counted. */
const V1_OCTETS = 107;
const V1_START = Buffer.from('PROXY ');
/** Section 2.2. */
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED_OCTETS = 16;
/** The field allows 65,535; addresses take 216 at most, and real TLVs some hundreds. */
const V2_REST_OCTETS = 4096;
const TLV_HEAD_OCTETS = 3;

const INCOMPLETE: ParsedProxyHeader = { kind: 'incomplete' };

function malformed(fault: ProxyFault): ParsedProxyHeader {
  return { kind: 'malformed', fault };
}

/** Octets of the address block by the octet of family and transport (section 2.2). */
const addressOctets: ReadonlyMap<number, number> = new Map([
  [0x00, 0],
  [0x11, 12],
  [0x12, 12],
  [0x21, 36],
  [0x22, 36],
  [0x31, 216],
  [0x32, 216],
]);
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

/** Parses what has come of a connection so far. */
export function parseProxyHeader(octets: Buffer): ParsedProxyHeader {
  if (startsLike(octets, V2_SIGNATURE)) return parseV2(octets);
  return startsLike(octets, V1_START) ? parseV1(octets) : malformed('start');
}

/** Whether `octets` begin with `start`, as far as they go. */
function startsLike(octets: Buffer, start: Buffer): boolean {
  const length = Math.min(octets.length, start.length);
  return octets.compare(start, 0, length, 0, length) === 0;
}

function parseV1(octets: Buffer): ParsedProxyHeader {
  const head = octets.toString('latin1', 0, V1_OCTETS);
  const end = head.indexOf('\r\n');
  if (end === -1) return octets.length < V1_OCTETS ? INCOMPLETE : malformed('length');
  const header = {
    kind: 'header',
    version: 1,
    command: 'proxy',
    tlvs: [],
    length: end + 2,
  } as const;
  const [, family, from = '', to = '', fromPort = '', toPort = '', ...more] = head
    .slice(0, end)
    .split(' ');
  // What follows UNKNOWN is to be ignored.
  if (family === 'UNKNOWN') return header;
  if (family !== 'TCP4' && family !== 'TCP6') return malformed('family');
  const version = family === 'TCP4' ? 4 : 6;
  if (!isAddress(from, version) || !isAddress(to, version)) return malformed('address');
  const source = parsePort(fromPort);
  const destination = parsePort(toPort);
  if (source === undefined || destination === undefined || more.length > 0)
    return malformed('port');
  const render = family === 'TCP4' ? String : canonicalIpv6;
  return {
    ...header,
    source: { address: render(from), port: source },
    destination: { address: render(to), port: destination },
  };
}

/** Without leading zeros, which some read as octal, and without a zone, which is of another machine. */
function isAddress(text: string, version: 4 | 6): boolean {
  return isIP(text) === version && !text.includes('%');
}

/** Decimal, 0 to 65535, without leading zeros. */
function parsePort(text: string): number | undefined {
  if (!/^(?:0|[1-9]\d{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port > 65_535 ? undefined : port;
}

function parseV2(octets: Buffer): ParsedProxyHeader {
  const versionAndCommand = octets[12];
  if (versionAndCommand !== undefined && versionAndCommand !== 0x20 && versionAndCommand !== 0x21) {
    return malformed('version-or-command');
  }
  if (octets.length < V2_FIXED_OCTETS) return INCOMPLETE;
  const family = octets.readUInt8(13);
  const restOctets = octets.readUInt16BE(14);
  const needed = addressOctets.get(family);
  if (needed === undefined) return malformed('family');
  if (restOctets > V2_REST_OCTETS) return malformed('length');
  const length = V2_FIXED_OCTETS + restOctets;
  if (octets.length < length) return INCOMPLETE;
  // LOCAL: the rest must be skipped, whatever it is.
  if (versionAndCommand === 0x20) {
    return { kind: 'header', version: 2, command: 'local', tlvs: [], length };
  }
  if (restOctets < needed) return malformed('address');
  const tlvs = parseTlvs(octets.subarray(V2_FIXED_OCTETS + needed, length));
  if (tlvs === undefined) return malformed('tlv');
  const header = { kind: 'header', version: 2, command: 'proxy', tlvs, length } as const;
  const block = octets.subarray(V2_FIXED_OCTETS, V2_FIXED_OCTETS + needed);
  if (family === TCP_OVER_IPV4) return { ...header, ...readEndpoints(block, 4, ipv4FromOctets) };
  if (family === TCP_OVER_IPV6) return { ...header, ...readEndpoints(block, 16, ipv6FromOctets) };
  return header;
}

function readEndpoints(
  block: Buffer,
  octets: number,
  render: (address: Buffer) => string,
): { source: ProxyEndpoint; destination: ProxyEndpoint } {
  const address = (index: number): string =>
    render(block.subarray(index * octets, (index + 1) * octets));
  return {
    source: { address: address(0), port: block.readUInt16BE(2 * octets) },
    destination: { address: address(1), port: block.readUInt16BE(2 * octets + 2) },
  };
}

function parseTlvs(octets: Buffer): ProxyTlv[] | undefined {
  const tlvs: ProxyTlv[] = [];
  for (let at = 0; at < octets.length; ) {
    if (octets.length - at < TLV_HEAD_OCTETS) return undefined;
    const start = at + TLV_HEAD_OCTETS;
    const end = start + octets.readUInt16BE(at + 1);
    if (end > octets.length) return undefined;
    // A copy: the socket's buffer shall not be kept for it.
    tlvs.push({ type: octets.readUInt8(at), value: Buffer.from(octets.subarray(start, end)) });
    at = end;
  }
  return tlvs;
}

function ipv4FromOctets(octets: Buffer): string {
  return octets.join('.');
}

function ipv6FromOctets(octets: Buffer): string {
  const groups: string[] = [];
  for (let at = 0; at < octets.length; at += 2) groups.push(octets.readUInt16BE(at).toString(16));
  return canonicalIpv6(groups.join(':'));
}

/**
 * The length of the PROXY header that `octets` begin with, for a caller that only skips it: 0 without a header,
 * `more` while that is not known yet, `invalid` for a malformed one.
 */
export function proxyPrefixLength(octets: Buffer): number | 'more' | 'invalid' {
  const parsed = parseProxyHeader(octets);
  switch (parsed.kind) {
    case 'header':
      return parsed.length;
    case 'incomplete':
      return 'more';
    case 'malformed':
      return parsed.fault === 'start' ? 0 : 'invalid';
  }
}
