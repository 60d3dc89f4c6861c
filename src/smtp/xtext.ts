// xtext: RFC 3461 section 4.
import { EQUALS, PLUS, hexValue } from './ascii.ts';

/** The octets that `text` stands for, one character each; nothing if it is not xtext. */
export function parseXtext(text: string): string | undefined {
  let decoded = '';
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x21 || code > 0x7e || code === EQUALS) return undefined;
    if (code !== PLUS) {
      decoded += text[at];
      continue;
    }
    const high = upperHexValue(text.charCodeAt(at + 1));
    const low = upperHexValue(text.charCodeAt(at + 2));
    if (high === -1 || low === -1) return undefined;
    decoded += String.fromCharCode(high * 16 + low);
    at += 2;
  }
  return decoded;
}

/** hexchar is "+" and two hexadecimal digits in capitals. */
function upperHexValue(code: number): number {
  return code >= 0x61 ? -1 : hexValue(code);
}
