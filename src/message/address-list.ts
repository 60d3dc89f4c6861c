// Address lists of header fields (RFC 5322 section 3.4), split into mailboxes. Lenient: text that
// is no address is kept, for the subscriber to judge.
import { decodeEncodedWords } from './encoded-words.ts';

export interface ListedMailbox {
  /** The whole mailbox with its display name, encoded words decoded: `"A B" <a@b.example>`. */
  readonly text: string;
  /** The address alone. */
  readonly address: string;
}

/** The mailboxes of one field's value, those in groups included (`undisclosed-recipients:;` has none). */
export function parseAddressList(value: string): ListedMailbox[] {
  return splitMailboxes(value).map(parseMailbox);
}

/** Cuts at commas and at the marks of groups, but not within quotes, comments or angle brackets. */
function splitMailboxes(value: string): string[] {
  if (!/["();:]/.test(value)) return nonEmpty(value.split(','));
  const pieces: string[] = [];
  let from = 0;
  let depth = 0;
  let quoted = false;
  let angle = false;
  for (let at = 0; at < value.length; at += 1) {
    const char = value[at];
    if (char === '\\') at += 1;
    else if (char === '"' && depth === 0) quoted = !quoted;
    else if (quoted) continue;
    else if (char === '(') depth += 1;
    else if (char === ')') depth = Math.max(0, depth - 1);
    else if (depth > 0) continue;
    else if (char === '<') angle = true;
    else if (char === '>') angle = false;
    else if (angle) continue;
    else if (char === ':') from = at + 1;
    else if (char === ',' || char === ';') {
      pieces.push(value.slice(from, at));
      from = at + 1;
    }
  }
  pieces.push(value.slice(from));
  return nonEmpty(pieces);
}

function nonEmpty(pieces: readonly string[]): string[] {
  return pieces.map((piece) => piece.trim()).filter((piece) => piece !== '');
}

function parseMailbox(text: string): ListedMailbox {
  const open = text.lastIndexOf('<');
  const close = text.indexOf('>', open);
  if (open === -1 || close === -1) {
    return { text: decodeEncodedWords(text), address: withoutComments(text) };
  }
  const path = text.slice(open + 1, close).trim();
  // A source route (RFC 5322 section 4.4, obsolete) is not part of the address.
  const address = path.startsWith('@') ? path.slice(path.indexOf(':') + 1) : path;
  const name = text.slice(0, open).trim();
  if (!name.includes('=?')) return { text, address };
  return { text: `${decodeDisplayName(name)} <${address}>`, address };
}

/** Decoded, and quoted where it now holds what a phrase may not: `=?…?Q?M=C3=BCller=2C_A?=`. */
function decodeDisplayName(name: string): string {
  const bare = /^".*"$/s.test(name) ? name.slice(1, -1).replace(/\\(.)/gs, '$1') : name;
  const decoded = decodeEncodedWords(bare).trim();
  if (!/[()<>[\]:;@\\,."]/.test(decoded)) return decoded;
  return `"${decoded.replace(/["\\]/g, '\\$&')}"`;
}

/** Drops comments, nested ones too, from inside out. */
function withoutComments(text: string): string {
  if (!text.includes('(')) return text;
  let kept = '';
  let depth = 0;
  for (const char of text) {
    if (char === '(') depth += 1;
    else if (char === ')') depth = Math.max(0, depth - 1);
    else if (depth === 0) kept += char;
  }
  return kept.trim();
}
