// IP addresses as text: the canonical spelling of each, and what a limit counts as one client.
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * A socket's address without its zone, and IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2) written as IPv4. The system
 * already writes all others as RFC 5952 does: `canonicalIpv6` is for those that came over the wire.
 */
export function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address;
  const zone = address.indexOf('%');
  const bare = zone === -1 ? address : address.slice(0, zone);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  return mapped?.[1] ?? bare;
}

/**
 * What a limit counts as one client: an IPv4 address, or an IPv6 /64, since any one host may
 * use every address of its /64 (RFC 4291 section 2.5.4).
 */
export function clientNetwork(address: string): string {
  // Only IPv6 has colons; the check by grammar costs more than all else that is done at an accept.
  if (!address.includes(':') || !isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const rest = tail === '' ? 0 : tail.split(':').length;
    const zeros = 8 - groups.length - rest;
    const tailGroups = tail === '' ? [] : tail.split(':');
    groups.push(...Array.from({ length: Math.max(zeros, 0) }, () => '0'), ...tailGroups);
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
    .concat('::/64');
}

/** A valid IPv6 address as RFC 5952 writes it; an IPv4-mapped one as IPv4. */
export function canonicalIpv6(text: string): string {
  const address = ipaddr.process(text);
  return address.kind() === 'ipv4'
    ? address.toString()
    : (address as ipaddr.IPv6).toRFC5952String();
}
