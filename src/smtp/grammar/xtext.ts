// xtext: RFC 3461 section 4.
import { BACKSLASH, DELETE, EQUALS, FIRST_NON_ASCII, PLUS, SPACE, hexValue } from './ascii.ts';

/** The printable characters that an address in a `utf-8` ORCPT must escape. */
const ESCAPED: readonly number[] = [SPACE, PLUS, EQUALS, BACKSLASH];

/** xchar and hexchar, as far as their characters go. */
const XTEXT = /^[\x21-\x3c\x3e-\x7e]*$/;

/** The octets that `text` stands for, one character each; nothing if it is not xtext. */
export function parseXtext(text: string): string | undefined {
  return XTEXT.test(text) ? decodeHexchars(text, upperHexValue) : undefined;
}

/**
 * The same for what senders write: hexadecimal digits of either case, `=`, and characters that are not ASCII as
 * themselves.
 */
export function parseLooseXtext(text: string): string | undefined {
  return decodeHexchars(text, hexValue);
}

/** hexchar is "+" and two hexadecimal digits in capitals. */
function upperHexValue(code: number): number {
  return code >= 0x61 ? -1 : hexValue(code);
}

/** `text` with the octets for its hexchars; nothing if a `+` begins none. `valueOf` is -1 for what is no digit. */
function decodeHexchars(text: string, valueOf: (code: number) => number): string | undefined {
  let decoded = '';
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) !== PLUS) {
      decoded += text[at];
      continue;
    }
    const high = valueOf(text.charCodeAt(at + 1));
    const low = valueOf(text.charCodeAt(at + 2));
    if (high === -1 || low === -1) return undefined;
    decoded += String.fromCharCode(high * 16 + low);
    at += 2;
  }
  return decoded;
}

const EMBEDDED = /\\x\{([0-9A-F]{2,6})\}/gi;

/**
 * utf-8-addr-xtext or utf-8-addr-unitext of RFC 6533 section 3, in which `\x{HEX}` stands for a character.
 * Characters that are not ASCII may stand for themselves only in a transaction with SMTPUTF8.
 */
export function parseUtf8Xtext(text: string, smtpUtf8: boolean): string | undefined {
  let isRight = true;
  const decoded = text.replaceAll(EMBEDDED, (_, hex: string) => {
    const code = Number.parseInt(hex, 16);
    isRight &&= isHexPoint(hex, code);
    return isRight ? String.fromCodePoint(code) : '';
  });
  return isRight && isQchars(text.replaceAll(EMBEDDED, ''), smtpUtf8) ? decoded : undefined;
}

/** HEXPOINT, without the control characters that it has room for. */
function isHexPoint(hex: string, code: number): boolean {
  if (hex.length === 2) return code >= FIRST_NON_ASCII || ESCAPED.includes(code);
  return !hex.startsWith('0') && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

/** QCHAR: what stands for itself. */
function isQchars(text: string, smtpUtf8: boolean): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const isAscii = code > SPACE && code < DELETE && !ESCAPED.includes(code);
    if (!isAscii && !(smtpUtf8 && code >= FIRST_NON_ASCII)) return false;
  }
  return true;
}
