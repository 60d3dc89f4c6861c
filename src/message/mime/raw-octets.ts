// Header fields with raw octets, as mailparser hands them on: a string with one character for each octet.
import { isUtf8 } from 'node:buffer';
import { decodeWindows1252 } from '../windows-1252.ts';

/** Text that was read as ISO-8859-1, read as windows-1252, which mail of that label means. */
export function asWindows1252(text: string): string {
  return text.replace(/[\x80-\x9f]/g, (control) => {
    const char = decodeWindows1252(Buffer.from(control, 'latin1'));
    // Five octets have no character.
    return char === control ? '\ufffd' : char;
  });
}

/** The text of a field: UTF-8, or windows-1252 where its octets are not UTF-8. */
export function decodeRawField(octets: string): string {
  if (!/[\x80-\xff]/.test(octets)) return octets;
  const buffer = Buffer.from(octets, 'latin1');
  return isUtf8(buffer) ? buffer.toString() : asWindows1252(octets);
}
