// The header section of a message as fields. Lenient: a line that is no field is skipped, since the message is
// stored as received and a subscriber wants what can be read of it.
import { isUtf8 } from 'node:buffer';

export interface HeaderField {
  readonly name: string;
  /** Unfolded with one space, trimmed; encoded words as received. */
  readonly value: string;
}

export interface HeaderSection {
  readonly fields: readonly HeaderField[];
  /** The section continues past what was read. */
  readonly truncated: boolean;
}

/** How far into a message its header section is read; a rebuilt notification reads exactly as far. */
export const HEADER_SECTION_OCTETS = 64 * 1024;

/**
 * Reads the header section at the start of `head`, of which at most the first 64 KiB count. `isWhole` says
 * that the message ends where `head` does.
 */
export function readHeaderSection(head: Buffer, isWhole: boolean): HeaderSection {
  const seen = head.length > HEADER_SECTION_OCTETS ? head.subarray(0, HEADER_SECTION_OCTETS) : head;
  let end = endOfSection(seen);
  const truncated = end === -1 && !(isWhole && seen.length === head.length);
  // The cut is at the end of a line, never within a field or a character.
  if (truncated) end = seen.lastIndexOf('\n') + 1;
  if (end === -1) end = seen.length;
  return { fields: parseFields(textOf(seen.subarray(0, end))), truncated };
}

/** Where the empty line begins that ends the section, or -1. */
function endOfSection(head: Buffer): number {
  if (head[0] === 0x0a || (head[0] === 0x0d && head[1] === 0x0a)) return 0;
  const crlf = head.indexOf('\n\r\n', 0, 'latin1');
  const lf = head.indexOf('\n\n', 0, 'latin1');
  if (crlf === -1) return lf === -1 ? -1 : lf + 1;
  return (lf === -1 ? crlf : Math.min(crlf, lf)) + 1;
}

/** UTF-8 (RFC 6532) where it is valid; otherwise every octet is one character, so nothing is lost. */
function textOf(octets: Buffer): string {
  return octets.toString(isUtf8(octets) ? 'utf8' : 'latin1');
}

/** Fields of a header section's text, as RFC 5322 section 2.2 has them. */
export function parseFields(text: string): HeaderField[] {
  const fields: HeaderField[] = [];
  let at = 0;
  while (at < text.length) {
    let end = text.indexOf('\n', at);
    // A line that begins with a blank belongs to the one before (RFC 5322 section 2.2.3).
    while (end !== -1 && isBlank(text.charCodeAt(end + 1))) end = text.indexOf('\n', end + 1);
    if (end === -1) end = text.length;
    const colon = text.indexOf(':', at);
    if (colon > at && colon < end) {
      const name = text.slice(at, colon).trimEnd();
      if (/^[!-9;-~]+$/.test(name)) {
        const value = text.slice(colon + 1, end);
        fields.push({ name, value: unfold(value) });
      }
    }
    at = end + 1;
  }
  return fields;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function unfold(value: string): string {
  return (value.includes('\n') ? value.replace(/\r?\n[ \t]+/g, ' ') : value).trim();
}
