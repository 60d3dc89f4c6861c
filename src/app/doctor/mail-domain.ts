import { isIP } from 'node:net';

/** A host as the domain of an address: an IP address is a literal (RFC 5321 section 4.1.3). */
export function mailDomainOf(host: string): string {
  const family = isIP(host);
  if (family === 0) return host;
  return family === 4 ? `[${host}]` : `[IPv6:${host}]`;
}
