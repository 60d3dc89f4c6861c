// The argument of MAIL and RCPT: Reverse-path and Forward-path of RFC 5321 section 4.1.2, with the UTF-8 of
// RFC 6531 section 3.3. Parsed in one walk over the text; knows nothing of who may use which address.
import { isAddressLiteral } from './address-literal.ts';
import {
  AT,
  ATEXT,
  BACKSLASH,
  COLON,
  COMMA,
  DELETE,
  DOT,
  FIRST_NON_ASCII,
  GREATER_THAN,
  HYPHEN,
  LESS_THAN,
  LET_DIG,
  OPEN_BRACKET,
  QUOTE,
  SPACE,
} from './ascii.ts';
import type { Mailbox } from '../mailbox.ts';

/** RFC 5321 section 4.5.3.1.1. */
const LOCAL_PART_OCTETS = 64;
/** RFC 5321 section 4.5.3.1.2. */
export const DOMAIN_OCTETS = 255;
/** RFC 5321 section 4.5.3.1.3, the angle brackets counted. */
const PATH_OCTETS = 256;
/** RFC 1035 section 2.3.4. */
export const LABEL_OCTETS = 63;

/** One path, read out of a command. */
export interface Path {
  /** `null` for `<>`. */
  readonly mailbox: Mailbox | null;
  /** Whether it can be used without SMTPUTF8. */
  readonly isAscii: boolean;
  /** The index after its `>`. */
  readonly end: number;
}

/** Reads the path that begins at `start`, or nothing if there is none. A source route is read and dropped. */
export function readPath(text: string, start: number): Path | undefined {
  if (text.charCodeAt(start) !== LESS_THAN) return undefined;
  if (text.charCodeAt(start + 1) === GREATER_THAN) {
    return { mailbox: null, isAscii: true, end: start + 2 };
  }
  const from = text.charCodeAt(start + 1) === AT ? skipSourceRoute(text, start + 1) : start + 1;
  if (from === -1) return undefined;
  const isQuoted = text.charCodeAt(from) === QUOTE;
  const localEnd = isQuoted ? skipQuotedString(text, from) : skipDotString(text, from);
  if (localEnd === -1) return undefined;

  // Only <postmaster> may stand without a domain, and that is all of it (RFC 5321 section 4.1.1.3).
  const isBare = text.charCodeAt(localEnd) === GREATER_THAN;
  if (isBare && text.slice(start + 1, localEnd).toLowerCase() !== 'postmaster') return undefined;
  if (!isBare && text.charCodeAt(localEnd) !== AT) return undefined;
  const domainStart = isBare ? localEnd : localEnd + 1;
  const domainEnd = isBare ? localEnd : skipDomain(text, domainStart);
  if (domainEnd === -1 || text.charCodeAt(domainEnd) !== GREATER_THAN) return undefined;

  const end = domainEnd + 1;
  const isAscii = isAsciiBetween(text, start, end);
  if (
    octets(text, from, localEnd, isAscii) > LOCAL_PART_OCTETS ||
    octets(text, domainStart, domainEnd, isAscii) > DOMAIN_OCTETS ||
    octets(text, start, end, isAscii) > PATH_OCTETS
  ) {
    return undefined;
  }
  const domain = text.slice(domainStart, domainEnd);
  const mailbox = isQuoted
    ? quotedMailbox(text.slice(from + 1, localEnd - 1), domain)
    : { localPart: text.slice(from, localEnd), domain, address: text.slice(from, domainEnd) };
  return { mailbox, isAscii, end };
}

/** A-d-l ":", which is accepted and ignored (RFC 5321 appendix C). Returns the index after it, or -1. */
function skipSourceRoute(text: string, start: number): number {
  let at = start;
  while (text.charCodeAt(at) === AT) {
    at = skipDomain(text, at + 1);
    if (at === -1) return -1;
    const code = text.charCodeAt(at);
    if (code === COLON) return at + 1;
    if (code !== COMMA) return -1;
    at++;
  }
  return -1;
}

/** Dot-string; returns the index after it, or -1. */
function skipDotString(text: string, start: number): number {
  let at = start;
  let afterDot = true;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (ATEXT[code] === 1 || code >= FIRST_NON_ASCII) {
      afterDot = false;
    } else if (code === DOT && !afterDot) {
      afterDot = true;
    } else {
      break;
    }
  }
  return afterDot ? -1 : at;
}

/** Quoted-string; returns the index after it, or -1. */
function skipQuotedString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    let code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) {
      code = text.charCodeAt(++at);
      if (code >= DELETE) return -1;
    }
    if (code < SPACE || (code >= DELETE && code < FIRST_NON_ASCII)) return -1;
  }
  return -1;
}

/** Domain or address-literal; returns the index after it, or -1. */
function skipDomain(text: string, start: number): number {
  if (text.charCodeAt(start) === OPEN_BRACKET) {
    const close = text.indexOf(']', start);
    return close !== -1 && isAddressLiteral(text.slice(start + 1, close)) ? close + 1 : -1;
  }
  let at = start;
  let labelStart = start;
  let afterHyphen = false;
  for (; at <= text.length; at++) {
    const code = text.charCodeAt(at);
    if (LET_DIG[code] === 1 || code >= FIRST_NON_ASCII) {
      afterHyphen = false;
    } else if (code === HYPHEN && at > labelStart) {
      afterHyphen = true;
    } else {
      // A label ends here: not empty, not after a hyphen, not too long.
      if (at === labelStart || afterHyphen || at - labelStart > LABEL_OCTETS) return -1;
      if (code !== DOT) break;
      labelStart = at + 1;
    }
  }
  return at;
}

/** A quoted local part says nothing that an unquoted one does not: `"a"@b` is `a@b` (section 4.1.2). */
function quotedMailbox(quoted: string, domain: string): Mailbox {
  const localPart = quoted.includes('\\') ? quoted.replaceAll(/\\(.)/gs, '$1') : quoted;
  return { localPart, domain, address: `${writeLocalPart(localPart)}@${domain}` };
}

/** The local part as text, quoted if the grammar asks for it. */
export function writeLocalPart(localPart: string): string {
  const needsNoQuotes = localPart !== '' && skipDotString(localPart, 0) === localPart.length;
  return needsNoQuotes ? localPart : `"${localPart.replaceAll(/["\\]/g, '\\$&')}"`;
}

export function isAsciiBetween(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (text.charCodeAt(at) > DELETE) return false;
  }
  return true;
}

function octets(text: string, start: number, end: number, isAscii: boolean): number {
  return isAscii ? end - start : Buffer.byteLength(text.slice(start, end));
}
