// The one language of address patterns, for routes and for the grants of credentials: an address, `*@domain`,
// `*@*.domain`, `local@*` or `*`. README.md in this folder is its reference. Parsing a pattern and looking up
// an address both go through the same canonical form, so that they cannot disagree.
import { isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { canonicalIpv6 } from '../net/addresses.ts';
import type { Mailbox, ReversePath } from '../smtp/index.ts';

/** The forms of a pattern, as every error message lists them. */
export const ADDRESS_PATTERN_FORMS = 'an address, "*@domain", "*@*.domain", "local@*" or "*"';

/** A grant's pattern of the null reverse-path. No route has it: a forward-path is never null. */
const NULL_PATH = '<>';

/** The pattern in its canonical form; `undefined` for a text that has none of the five forms. */
export function parseAddressPattern(text: string): string | undefined {
  if (text === '*') return text;
  const at = text.lastIndexOf('@');
  if (at < 1) return undefined;
  const [local, domain] = [text.slice(0, at), text.slice(at + 1)];
  if (local === '*') {
    if (!domain.startsWith('*.')) return join('*', parseDomain(domain));
    const parent = parseDomain(domain.slice(2));
    // An address literal has no subdomains.
    return parent === undefined || parent.startsWith('[') ? undefined : `*@*.${parent}`;
  }
  const localPart = parseLocalPart(local);
  if (localPart === undefined) return undefined;
  return join(localPart, domain === '*' ? domain : parseDomain(domain));
}

/**
 * One text for all spellings of a mailbox that a pattern cannot tell apart. A mailbox without a domain (the bare
 * `<postmaster>`) is one of `hostname`.
 */
export function canonicalMailbox({ localPart, domain }: Mailbox, hostname: string): string {
  return `${canonicalLocalPart(localPart)}@${canonicalDomain(domain === '' ? hostname : domain)}`;
}

/** What is wrong with a pattern of a grant, which may also be `<>`; `undefined` if nothing is. */
export function checkAddressPattern(text: string): string | undefined {
  if (parseGrantPattern(text) !== undefined) return undefined;
  return `expected ${ADDRESS_PATTERN_FORMS}, got ${JSON.stringify(text)}`;
}

/**
 * Whether one of a grant's patterns matches the path. `*` matches the null reverse-path too. A text that is not
 * a pattern matches nothing: somebody wrote the row by hand, and what is not understood must not allow anything.
 */
export function matchesAddress(
  patterns: readonly string[],
  path: ReversePath,
  hostname: string,
): boolean {
  let index = indexes.get(patterns);
  if (index === undefined) {
    const parsed = patterns.map(parseGrantPattern).filter((pattern) => pattern !== undefined);
    index = new PatternIndex([parsed]);
    indexes.set(patterns, index);
  }
  return index.firstMatch(path, hostname) !== undefined;
}

/** A credential stays in the cache, and the index of its patterns with it. */
const indexes = new WeakMap<readonly string[], PatternIndex>();

/**
 * Finds the first group of patterns that matches an address. The number of look-ups depends on the form of the
 * address only, however many patterns there are.
 */
export class PatternIndex {
  readonly #firstGroup = new Map<string, number>();

  /** The patterns in canonical form. */
  constructor(groups: readonly (readonly string[])[]) {
    for (const [index, patterns] of groups.entries()) {
      for (const pattern of patterns) {
        if (!this.#firstGroup.has(pattern)) this.#firstGroup.set(pattern, index);
      }
    }
  }

  /**
   * The index of the group. A mailbox without a domain (the bare `<postmaster>`, RFC 5321 section 4.1.1.3) is
   * one of `hostname`.
   */
  firstMatch(path: ReversePath, hostname: string): number | undefined {
    const first =
      path === null
        ? Math.min(this.#groupOf('*'), this.#groupOf(NULL_PATH))
        : this.#firstFor(path, hostname);
    return first === Infinity ? undefined : first;
  }

  #firstFor({ localPart, domain }: Mailbox, hostname: string): number {
    const local = canonicalLocalPart(localPart);
    const name = canonicalDomain(domain === '' ? hostname : domain);
    let first = Math.min(
      this.#groupOf('*'),
      this.#groupOf(`${local}@${name}`),
      this.#groupOf(`*@${name}`),
      this.#groupOf(`${local}@*`),
    );
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      first = Math.min(first, this.#groupOf(`*@*${name.slice(dot)}`));
    }
    return first;
  }

  #groupOf(pattern: string): number {
    return this.#firstGroup.get(pattern) ?? Infinity;
  }
}

function parseGrantPattern(text: string): string | undefined {
  return text === NULL_PATH ? text : parseAddressPattern(text);
}

function join(localPart: string, domain: string | undefined): string | undefined {
  return domain === undefined ? undefined : `${localPart}@${domain}`;
}

/** Quoted-string (RFC 5321 section 4.1.2). In it a star is a star. */
const QUOTED_STRING = /^"(?:[^"\\\p{Cc}]|\\[\x20-\x7e])*"$/u;
/**
 * What only quotes allow in a local part: the specials of RFC 5322 section 3.2.3, blanks and the star of this language.
 * Dots may stand anywhere, and an `@` too, because the last one separates.
 */
const SPECIAL = /[\s\p{Cc}*"<>()[\]:;,\\]/u;

/** Canonical; `undefined` for a text that is not a local part. */
function parseLocalPart(text: string): string | undefined {
  if (QUOTED_STRING.test(text)) {
    return canonicalLocalPart(text.slice(1, -1).replaceAll(/\\(.)/gs, '$1'));
  }
  return SPECIAL.test(text) ? undefined : canonicalLocalPart(text);
}

/** Canonical; `undefined` for a text that is neither a domain name nor an address literal. */
function parseDomain(text: string): string | undefined {
  if (text.startsWith('[')) return canonicalLiteral(text);
  const name = canonicalDomain(text);
  return DOMAIN_NAME.test(name) ? name : undefined;
}

/** Labels of up to 63 octets and 255 in all (RFC 1035 section 2.3.4); `_` because hosts with it exist. */
const DOMAIN_NAME =
  /^(?=.{1,255}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/**
 * A local part without its quotes → without regard to case and to how its letters are composed (NFC), quoted only
 * if it must be. RFC 5321 section 2.4 leaves case to the receiving host; here it never tells two mailboxes apart.
 */
function canonicalLocalPart(localPart: string): string {
  // NFC last: lower-case letters have composed forms that their capitals lack.
  const folded = localPart.toLowerCase().normalize('NFC');
  if (folded !== '' && !folded.includes('@') && !SPECIAL.test(folded)) return folded;
  return `"${folded.replaceAll(/["\\]/g, '\\$&')}"`;
}

/**
 * Lower-case A-labels without a final dot, so that `Bücher.example.` and `xn--bcher-kva.example` are one domain
 * (RFC 5890 section 2.3.2.1). A text that is not a domain stays as it is, but for case.
 */
function canonicalDomain(domain: string): string {
  const lower = domain.toLowerCase();
  if (lower.startsWith('[')) return canonicalLiteral(lower) ?? lower;
  const ascii = IS_ASCII.test(lower) ? lower : toALabels(lower) || lower;
  return ascii.endsWith('.') ? ascii.slice(0, -1) : ascii;
}

const IS_ASCII = /^[\x00-\x7f]*$/;
/** `domainToASCII` parses a URL's host: it would cut at a slash and decode percent signs. */
const INTERNATIONAL_NAME = /^[a-z0-9._\-\u0080-\u{10ffff}]*$/u;
/** It also reads a name whose last label is a number as an IPv4 address, so another label is added. */
const GUARD_LABEL = '.guard';

/** `''` if that cannot be done. */
function toALabels(name: string): string {
  if (!INTERNATIONAL_NAME.test(name)) return '';
  return domainToASCII(`${name}${GUARD_LABEL}`).slice(0, -GUARD_LABEL.length);
}

const IPV6_TAG = 'ipv6:';

/** One spelling of each address (RFC 5321 section 4.1.3); `undefined` for a text that is not an address literal. */
function canonicalLiteral(text: string): string | undefined {
  const content = /^\[([^\s[\]]+)\]$/.exec(text)?.[1]?.toLowerCase();
  if (content === undefined) return undefined;
  const numbers = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
    .exec(content)
    ?.slice(1)
    .map(Number);
  if (numbers !== undefined) {
    return numbers.every((number) => number <= 255) ? `[${numbers.join('.')}]` : undefined;
  }
  if (content.startsWith(IPV6_TAG)) {
    const ipv6 = content.slice(IPV6_TAG.length);
    // Without a zone, which no literal has.
    if (!isIPv6(ipv6) || ipv6.includes('%')) return undefined;
    const address = canonicalIpv6(ipv6);
    return address.includes(':') ? `[${IPV6_TAG}${address}]` : `[${address}]`;
  }
  // A tag that a later standard may define.
  return /^[a-z0-9-]*[a-z0-9]:[\x21-\x7e]+$/.test(content) ? `[${content}]` : undefined;
}
