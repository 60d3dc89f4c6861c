// Paths with the deviations of real senders, as far as Postfix accepts them: without brackets, with blanks, with dots
// anywhere, with comments. What is a path by RFC 5321 is read by path.ts; this file reads the rest.
import { isAddressLiteral } from './address-literal.ts';
import {
  ATEXT,
  AT,
  BACKSLASH,
  CLOSE_BRACKET,
  CLOSE_PARENTHESIS,
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
  OPEN_PARENTHESIS,
  QUOTE,
  SEMICOLON,
  SPACE,
  UNDERSCORE,
} from './ascii.ts';
import type { Mailbox } from '../mailbox.ts';
import {
  DOMAIN_OCTETS,
  LABEL_OCTETS,
  type Path,
  isAsciiBetween,
  readPath,
  writeLocalPart,
} from './path.ts';

/** A Return-Path field cannot be folded, and no line has more than 998 octets (RFC 5322 section 2.1.1). */
const PATH_OCTETS = 900;

/** A path, whose mailbox may lack its domain: `''`. */
export function readInternetPath(text: string, start: number): Path | undefined {
  const strict = readPath(text, start);
  if (strict !== undefined && isBoundary(text, strict.end)) return strict;
  const end = endOfPath(text, start);
  if (end === -1) return undefined;
  const content = contentOf(text.slice(start, end));
  if (content === undefined) return undefined;
  const isAscii = isAsciiBetween(text, start, end);
  if (content === '') {
    // `<>` with more around it or in it. Without a bracket there is no path.
    return text.charCodeAt(start) === LESS_THAN ? { mailbox: null, isAscii, end } : undefined;
  }
  const mailbox = parseMailbox(content);
  if (mailbox === undefined || Buffer.byteLength(mailbox.address) > PATH_OCTETS) return undefined;
  return { mailbox, isAscii, end };
}

function isBoundary(text: string, at: number): boolean {
  return at === text.length || text.charCodeAt(at) === SPACE;
}

/** The index of the first blank that is not between angle brackets or quotes, or of the end; -1 for open quotes. */
function endOfPath(text: string, start: number): number {
  let isBracketed = false;
  for (let at = start; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfQuotes(text, at);
        if (at === -1) return -1;
        break;
      case BACKSLASH:
        at++;
        break;
      case LESS_THAN:
        isBracketed = true;
        break;
      case GREATER_THAN:
        isBracketed = false;
        break;
      case SPACE:
        if (!isBracketed) return at;
        break;
    }
  }
  return isBracketed ? -1 : text.length;
}

/** The index of the quote that ends the quotes at `start`, or -1. */
function endOfQuotes(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    let code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) code = text.charCodeAt(++at);
    if (isControl(code)) return -1;
  }
  return -1;
}

/** What is between the brackets, without blanks and separators around it; nothing where a bracket does not close. */
function contentOf(path: string): string | undefined {
  let start = 0;
  let end = path.length;
  let opened = 0;
  let closed = 0;
  while (start < end && isAround(path.charCodeAt(start))) {
    if (path.charCodeAt(start++) === LESS_THAN) opened++;
  }
  while (end > start && isAround(path.charCodeAt(end - 1), GREATER_THAN)) {
    // A character after a backslash is part of the address.
    if (path.charCodeAt(end - 2) === BACKSLASH) break;
    if (path.charCodeAt(--end) === GREATER_THAN) closed++;
  }
  return closed < opened ? undefined : path.slice(start, end);
}

function isAround(code: number, bracket = LESS_THAN): boolean {
  return code === SPACE || code === COMMA || code === SEMICOLON || code === bracket;
}

function parseMailbox(content: string): Mailbox | undefined {
  const words = readWords(content);
  if (words === undefined) return undefined;
  const { text, domainStart, isQuoted } = words;
  const domain = domainStart === -1 ? '' : text.slice(domainStart);
  const localPart = domainStart === -1 ? text : text.slice(0, domainStart - 1);
  if (domainStart === -1 ? localPart === '' : !isDomain(domain)) return undefined;
  // `@a:b` behind a comment is a local part, and would read as a source route in the address.
  const needsQuotes = isQuoted || skipRoutes(localPart) > 0;
  const written = needsQuotes ? writeLocalPart(localPart) : localPart;
  const address = domainStart === -1 ? written : `${written}@${domain}`;
  return { localPart, domain, address };
}

interface Words {
  /** Without quotes, comments, and blanks around dots and @. */
  readonly text: string;
  /** The index in it after the last @ that is not quoted, or -1. */
  readonly domainStart: number;
  /** Whether it has characters that only quotes or a backslash allow. */
  readonly isQuoted: boolean;
}

/** Reads words, dots and @: RFC 822 section 6.1, with dots anywhere. Source routes are dropped. */
function readWords(content: string): Words | undefined {
  let text = '';
  let domainStart = -1;
  let isQuoted = false;
  /** A blank, a comment, a quoted string or a literal came, so a separator must be next. */
  let mustSeparate = false;
  let hasLiteral = false;
  for (let at = skipRoutes(content); at < content.length; at++) {
    const code = content.charCodeAt(at);
    const last = text.charCodeAt(text.length - 1);
    if (code === SPACE) {
      mustSeparate ||= text !== '' && !isSeparator(last);
    } else if (code === OPEN_PARENTHESIS) {
      at = endOfComment(content, at);
      if (at === -1) return undefined;
      mustSeparate ||= text !== '' && !isSeparator(last);
    } else if (isSeparator(code)) {
      // After a literal only a final dot may come.
      if (hasLiteral)
        return content.slice(at) === '.' ? { text, domainStart, isQuoted } : undefined;
      mustSeparate = false;
      text += content[at];
      if (code === AT) domainStart = text.length;
    } else if (mustSeparate) {
      return undefined;
    } else if (code === QUOTE) {
      // A quoted string is a word of a local part.
      if (text !== '' && last !== DOT) return undefined;
      const end = endOfQuotes(content, at);
      if (end === -1) return undefined;
      text += content.slice(at + 1, end).replaceAll(/\\(.)/gs, '$1');
      isQuoted = mustSeparate = true;
      at = end;
    } else if (code === OPEN_BRACKET) {
      const end = content.indexOf(']', at);
      if (end === -1 || last !== AT || domainStart !== text.length) return undefined;
      text += content.slice(at, end + 1);
      hasLiteral = mustSeparate = true;
      at = end;
    } else if (code === BACKSLASH) {
      // RFC 821 section 4.1.2 has it without quotes too.
      if (++at === content.length || isControl(content.charCodeAt(at))) return undefined;
      text += content[at];
      isQuoted = true;
    } else if (isPlain(code)) {
      text += content[at];
    } else {
      return undefined;
    }
  }
  return { text, domainStart, isQuoted };
}

/** RFC 5321 appendix C: `@a,@b:`, once or more. Returns the index after it. */
function skipRoutes(content: string): number {
  const route = /^(?: *@(?:\[[^\]"]*\]|[^":[])*:)+/.exec(content);
  return route === null ? 0 : route[0].length;
}

function endOfComment(content: string, start: number): number {
  let depth = 0;
  for (let at = start; at < content.length; at++) {
    const code = content.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === OPEN_PARENTHESIS) depth++;
    else if (code === CLOSE_PARENTHESIS && --depth === 0) return at;
  }
  return -1;
}

/** U+0080 to U+009F: the others never come this far. */
function isControl(code: number): boolean {
  return code >= DELETE && code < FIRST_NON_ASCII;
}

function isSeparator(code: number): boolean {
  return code === DOT || code === AT;
}

/** atext, what is not ASCII, and the specials that nothing else can mean here. */
function isPlain(code: number): boolean {
  if (ATEXT[code] === 1 || code >= FIRST_NON_ASCII) return true;
  return code === COLON || code === CLOSE_PARENTHESIS || code === CLOSE_BRACKET;
}

/** A host name, in which `_` exists and a final dot says that it is whole, or an address literal. */
function isDomain(domain: string): boolean {
  const name = domain.endsWith('.') ? domain.slice(0, -1) : domain;
  if (name === '' || Buffer.byteLength(name) > DOMAIN_OCTETS) return false;
  if (name.startsWith('[') && name.endsWith(']')) {
    return isAddressLiteral(name.slice(1, -1));
  }
  return name.split('.').every(isLabel);
}

function isLabel(label: string): boolean {
  if (label === '' || label.length > LABEL_OCTETS) return false;
  for (let at = 0; at < label.length; at++) {
    const code = label.charCodeAt(at);
    if (LET_DIG[code] === 1 || code === UNDERSCORE || code >= FIRST_NON_ASCII) continue;
    if (code !== HYPHEN || at === 0 || at === label.length - 1) return false;
  }
  return true;
}
