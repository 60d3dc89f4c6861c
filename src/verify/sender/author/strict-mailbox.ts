// One mailbox of RFC 5322 section 3.4, read strictly: of the obsolete forms of section 4.4 only the dots of a phrase, which
// are usual (`J. Doe`). What this does not read is not judged, since readers do not agree on what it means.

export interface StrictMailbox {
  /** `local-part@domain` as it stands. */
  readonly address: string;
  /** The local part without its quotes. */
  readonly localPart: string;
  readonly domain: string;
  /** The display name and the comments, as they stand; `''` where there are none. */
  readonly shown: string;
}

/** Words of a phrase: atext of RFC 5322 section 3.2.3 and RFC 6532 section 3.2, with dots. */
const ATOMS = /[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u0080-\u{10ffff}-]+/uy;
const QUOTED = /"(?:[^"\\]|\\[ -~])*"/uy;
/** Without comments in it, and without escapes: both are read in more ways than one. */
const COMMENT = /\([^()\\]*\)/uy;
const BLANKS = / +/y;
/** A quoted local part has no escapes. */
const ADDRESS =
  /("[^"\\]*"|[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u0080-\u{10ffff}-]+)@([A-Za-z0-9._\u0080-\u{10ffff}-]+)/uy;

/** `value`: unfolded, without tabs, line ends and blanks at its ends. `undefined`: it is not one mailbox, strictly. */
export function parseStrictMailbox(value: string): StrictMailbox | undefined {
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(value);
    if (match === null) return undefined;
    at = pattern.lastIndex;
    return match;
  };
  const takeAll = (...patterns: readonly RegExp[]): boolean => {
    const from = at;
    let found = true;
    while (found) found = patterns.some((pattern) => take(pattern) !== undefined);
    return at > from;
  };

  takeAll(BLANKS, COMMENT);
  let address = take(ADDRESS);
  let shown = value.slice(0, address?.index ?? 0);
  if (address === undefined) {
    takeAll(BLANKS, COMMENT, QUOTED, ATOMS);
    shown = value.slice(0, at);
    if (value[at] !== '<') return undefined;
    at += 1;
    address = take(ADDRESS);
    if (address === undefined || value[at] !== '>') return undefined;
    at += 1;
  }
  const end = at;
  // A comment that touches the domain looks like a part of it.
  if (value[end] === '(' && value[end - 1] !== '>') return undefined;
  takeAll(BLANKS, COMMENT);
  const [text, local = '', domain = ''] = address;
  const isQuoted = local.startsWith('"');
  if (at < value.length || (!isQuoted && !isDotAtom(local)) || !isDotAtom(domain)) return undefined;
  return {
    address: text,
    localPart: isQuoted ? local.slice(1, -1) : local,
    domain,
    shown: shown + value.slice(end),
  };
}

function isDotAtom(text: string): boolean {
  return !text.startsWith('.') && !text.endsWith('.') && !text.includes('..');
}
