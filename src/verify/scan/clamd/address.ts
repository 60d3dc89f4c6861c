import type { NetConnectOpts } from 'node:net';

/** `127.0.0.1:3310`, `[::1]:3310`, or the absolute path of a Unix socket. */
export function parseAddress(address: string): NetConnectOpts {
  if (address.startsWith('/')) return { path: address };
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(colon + 1)) };
}
