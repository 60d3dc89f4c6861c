// What the arguments of MAIL and RCPT have in common: the keyword, the path behind it, and a mailbox without a domain.
import { SPACE } from './ascii.ts';
import type { Mailbox } from '../mailbox.ts';
import type { SessionOptions } from '../session-options.ts';
import { readInternetPath } from './internet-path.ts';
import { type Path, readPath } from './path.ts';

/**
 * The index of the path after `keyword`, in either case, or -1. Spaces before the path violate the grammar, but
 * are so common that they are accepted.
 */
export function pathStart(argument: string, keyword: string): number {
  // Most clients write it in capitals.
  const isThere =
    argument.startsWith(keyword) || argument.slice(0, keyword.length).toUpperCase() === keyword;
  if (!isThere) return -1;
  let at = keyword.length;
  while (argument.charCodeAt(at) === SPACE) at++;
  return at;
}

/** Reads the path that begins at `start`, or nothing if there is none. */
export function readCommandPath(
  argument: string,
  start: number,
  addressSyntax: SessionOptions['addressSyntax'],
): Path | undefined {
  return addressSyntax === 'strict' ? readPath(argument, start) : readInternetPath(argument, start);
}

/** The mailbox of that local part in `domain`. */
export function inDomain(mailbox: Mailbox, domain: string): Mailbox {
  return { ...mailbox, domain, address: `${mailbox.address}@${domain}` };
}
