// The header section of a message as fields. Lenient: a line that is no field is skipped, since the message is
// stored as received and a subscriber wants what can be read of it.
import { isAscii, isUtf8 } from 'node:buffer';
import { cleanText, trimSpaces } from './clean-text.ts';
import { decodeWindows1252 } from './windows-1252.ts';

export interface HeaderField {
  readonly name: string;
  /** Unfolded with one space, trimmed, without control characters; encoded words as received. */
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
  const section = hasByteOrderMark(seen) ? seen.subarray(3) : seen;
  const end = endOfSection(section);
  if (end !== -1) return { fields: parseFields(section.subarray(0, end)), truncated: false };
  if (isWhole && seen.length === head.length) {
    return { fields: parseFields(section), truncated: false };
  }
  return { fields: parseFields(section.subarray(0, startOfLastField(section))), truncated: true };
}

/** Some clients put one in front of the message, and it would belong to the name of the first field. */
function hasByteOrderMark(head: Buffer): boolean {
  return head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
}

/** Where the empty line begins that ends the section, or -1. */
function endOfSection(head: Buffer): number {
  if (head[0] === 0x0a || (head[0] === 0x0d && head[1] === 0x0a)) return 0;
  const crlf = head.indexOf('\n\r\n', 0, 'latin1');
  const lf = head.indexOf('\n\n', 0, 'latin1');
  if (crlf === -1) return lf === -1 ? -1 : lf + 1;
  return (lf === -1 ? crlf : Math.min(crlf, lf)) + 1;
}

/** Where the field begins that may continue past `head`: the cut is between fields. */
function startOfLastField(head: Buffer): number {
  let newline = head.lastIndexOf(0x0a);
  while (newline > 0 && (newline === head.length - 1 || isBlank(head[newline + 1] ?? 0))) {
    newline = head.lastIndexOf(0x0a, newline - 1);
  }
  return newline + 1;
}

/** Fields of a header section, as RFC 5322 section 2.2 has them. */
export function parseFields(section: Buffer): HeaderField[] {
  const fields: HeaderField[] = [];
  const isPlain = isAscii(section) && !hasStrayControls(section);
  // One character for each octet.
  const text = section.toString('latin1');
  let at = 0;
  let colon = -1;
  while (at < text.length) {
    let end = text.indexOf('\n', at);
    // A line that begins with a blank belongs to the one before (RFC 5322 section 2.2.3).
    while (end !== -1 && isBlank(text.charCodeAt(end + 1))) end = text.indexOf('\n', end + 1);
    if (end === -1) end = text.length;
    // Each colon is looked for once, however many lines have none.
    if (colon < at) colon = text.indexOf(':', at);
    if (colon === -1) break;
    if (colon < end) {
      let nameEnd = colon;
      while (nameEnd > at && isBlank(text.charCodeAt(nameEnd - 1))) nameEnd -= 1;
      const name = text.slice(at, nameEnd);
      if (/^[!-9;-~]+$/.test(name)) {
        const raw = text.slice(colon + 1, end);
        const value = isPlain ? unfold(raw) : cleanText(unfold(characters(raw)));
        fields.push({ name, value: trimSpaces(value) });
      }
    }
    at = end + 1;
  }
  return fields;
}

/**
 * Whether there is a control character that is neither in a line end nor the first of a folded line. Four octets at a time,
 * which takes a quarter of the time of a regular expression: nearly all mail has none.
 */
function hasStrayControls(section: Buffer): boolean {
  const view = new DataView(section.buffer, section.byteOffset, section.length);
  const last = section.length - 4;
  let at = 0;
  for (; at <= last; at += 4) {
    const octets = view.getInt32(at, true);
    const notDel = octets ^ 0x7f7f7f7f;
    // The high bit of an octet under 20, and of an octet that is 0 (or over one that is).
    const low = (octets - 0x20202020) & ~octets;
    const del = (notDel - 0x01010101) & ~notDel;
    if (((low | del) & 0x80808080) !== 0 && hasStrayControl(section, at, at + 4)) return true;
  }
  return hasStrayControl(section, at, section.length);
}

function hasStrayControl(section: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const octet = section[at] ?? 0;
    if (octet >= 0x20 && octet !== 0x7f) continue;
    const isLineEnd = octet === 0x0a || (octet === 0x0d && section[at + 1] === 0x0a);
    const isFold = octet === 0x09 && section[at - 1] === 0x0a;
    if (!isLineEnd && !isFold) return true;
  }
  return false;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/**
 * The characters of a field whose octets are `value`: UTF-8 (RFC 6532) where it is valid, otherwise windows-1252. Each
 * field by itself, since relays add fields to a message in a charset of their own.
 */
function characters(value: string): string {
  const octets = Buffer.from(value, 'latin1');
  return isUtf8(octets) ? octets.toString('utf8') : decodeWindows1252(octets);
}

function unfold(value: string): string {
  // The value was cut before the LF of its last line.
  const line = value.endsWith('\r') ? value.slice(0, -1) : value;
  return line.includes('\n') ? line.replace(/\r?\n[ \t]+/g, ' ') : line;
}
