// Header fields with raw octets, as mailparser hands them on: a string with one character for each octet.
import { isUtf8 } from 'node:buffer';

/** 0x80 to 0x9F in windows-1252; the five that it does not define are no characters. */
const C1_AS_WINDOWS_1252 = '€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ';

/** Text that was read as ISO-8859-1, read as windows-1252, which mail of that label means. */
export function asWindows1252(text: string): string {
  return text.replace(
    /[\x80-\x9f]/g,
    (control) => C1_AS_WINDOWS_1252[control.charCodeAt(0) - 0x80] ?? '\ufffd',
  );
}

/** The text of a field: UTF-8, or windows-1252 where its octets are not UTF-8. */
export function decodeRawField(octets: string): string {
  if (!/[\x80-\xff]/.test(octets)) return octets;
  const buffer = Buffer.from(octets, 'latin1');
  return isUtf8(buffer) ? buffer.toString() : asWindows1252(octets);
}
