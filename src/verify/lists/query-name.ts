// The names by which lists are asked (RFC 5782 sections 2.1, 2.4 and 3).
import ipaddr from 'ipaddr.js';
import { domainToASCII } from 'node:url';

/** Ranges in which no client of the Internet is: lists know nothing of them. */
const PRIVATE_RANGES: ReadonlySet<string> = new Set([
  'unspecified',
  'broadcast',
  'multicast',
  'linkLocal',
  'loopback',
  'carrierGradeNat',
  'private',
  'uniqueLocal',
  'deprecatedSiteLocal',
]);

export interface AddressQuery {
  readonly version: 4 | 6;
  /** What is asked before the zone. */
  readonly name: string;
}

/** `undefined`: no address, or one that is not asked about. IPv4-mapped IPv6 is asked as IPv4. */
export function addressQuery(text: string): AddressQuery | undefined {
  if (!ipaddr.isValid(text)) return undefined;
  const address = ipaddr.process(text);
  if (PRIVATE_RANGES.has(address.range())) return undefined;
  return { version: address.kind() === 'ipv4' ? 4 : 6, name: reversed(address) };
}

/** Octets of IPv4 in decimal, half-octets of IPv6 in hexadecimal, the last one first. */
function reversed(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  const octets = address.toByteArray().toReversed();
  if (address.kind() === 'ipv4') return octets.join('.');
  return octets
    .map((octet) => `${(octet & 0xf).toString(16)}.${(octet >> 4).toString(16)}`)
    .join('.');
}

/**
 * A domain in lower case and A-labels, as lists are asked about it. `undefined`: an address, an address literal, a name
 * without a dot, or no host name; lists of domains answer a question about an address with an error that looks like an entry.
 */
export function domainQuery(text: string): string | undefined {
  const bare = text.replace(/\.$/, '');
  // `domainToASCII` reads numbers as addresses, so it sees nothing else but names that need it.
  const ascii = /[^\0-\x7f]/.test(bare) ? domainToASCII(bare) : bare.toLowerCase();
  const isDomain =
    /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/.test(
      ascii,
    );
  const isNumber = /\.(?:\d+|0x[0-9a-f]*)$/.test(ascii);
  return isDomain && !isNumber && ascii.length <= 253 ? ascii : undefined;
}

/** Entries that a list must have, and must not have (RFC 5782 section 5). */
export const testNames = {
  ipv4: { listed: '2.0.0.127', unlisted: '1.0.0.127' },
  ipv6: {
    listed: reversed(ipaddr.IPv6.parse('::ffff:7f00:2')),
    unlisted: reversed(ipaddr.IPv6.parse('::ffff:7f00:1')),
  },
  domain: { listed: 'test', unlisted: 'invalid' },
} as const;
