// The octets that the grammar of RFC 5321 names, and the two character classes that its tables need.

export const NUL = 0x00;
export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const OPEN_PARENTHESIS = 0x28;
export const CLOSE_PARENTHESIS = 0x29;
export const PLUS = 0x2b;
export const COMMA = 0x2c;
export const HYPHEN = 0x2d;
export const DOT = 0x2e;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const LESS_THAN = 0x3c;
export const EQUALS = 0x3d;
export const GREATER_THAN = 0x3e;
export const AT = 0x40;
export const OPEN_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_BRACKET = 0x5d;
export const UNDERSCORE = 0x5f;
export const DELETE = 0x7f;
/** The first printable character after ASCII: U+0080 to U+009F are controls. */
export const FIRST_NON_ASCII = 0xa0;

function classOf(characters: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

const LETTERS_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Let-dig of RFC 5321 section 4.1.2, by character code below 128. */
export const LET_DIG = classOf(LETTERS_DIGITS);

/** atext of RFC 5322 section 3.2.3, by character code below 128. */
export const ATEXT = classOf(`${LETTERS_DIGITS}!#$%&'*+-/=?^_\`{|}~`);

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The value of a hexadecimal digit of either case, or -1. */
export function hexValue(code: number): number {
  if (isDigit(code)) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Whether every octet is a letter, digit, punctuation or space of ASCII. */
export function isPrintable(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < SPACE || code >= DELETE) return false;
  }
  return true;
}

/** Whether no octet is a control character. */
export function hasNoControls(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < SPACE || (code >= DELETE && code < FIRST_NON_ASCII)) return false;
  }
  return true;
}

/** The number in `text` if it is one to `digits` decimal digits and nothing else. */
export function parseDecimal(text: string, digits: number): number | undefined {
  if (text.length === 0 || text.length > digits) return undefined;
  for (let at = 0; at < text.length; at++) {
    if (!isDigit(text.charCodeAt(at))) return undefined;
  }
  return Number(text);
}
