// The names in signatures, as DNS has them.
import { domainToASCII } from 'node:url';

/** Underscores stand in selectors that are in use, although RFC 6376 section 3.1 has none. */
const NAME = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
const MOST_OCTETS = 253;

/**
 * The name in lower case and A-labels (RFC 8616 section 3), or nothing if DNS cannot have it. `value`: one character for
 * each octet.
 */
export function readName(value: string): string | undefined {
  const isAscii = /^[\0-\x7f]*$/.test(value);
  const name = isAscii
    ? value.toLowerCase()
    : domainToASCII(Buffer.from(value, 'latin1').toString('utf8').normalize('NFC'));
  return name.length <= MOST_OCTETS && NAME.test(name) ? name : undefined;
}

/** A name with at least two labels (RFC 6376 section 3.5, `domain-name`). */
export function readDomain(value: string): string | undefined {
  const name = readName(value);
  return name?.includes('.') === true ? name : undefined;
}

/** Whether `child` is `parent` or below it. */
export function isWithin(child: string, parent: string): boolean {
  return child === parent || child.endsWith(`.${parent}`);
}
