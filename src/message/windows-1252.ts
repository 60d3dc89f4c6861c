// The charset of octets that claim none, or ISO 8859-1: both mean windows-1252 in mail.
import { TextDecoder } from 'node:util';

const windows1252 = new TextDecoder('windows-1252');

/** Five octets have no character; they become C1 controls. */
export function decodeWindows1252(octets: Buffer): string {
  return windows1252.decode(octets);
}

/** The characters of 80 to 9F, where windows-1252 is not ISO 8859-1. */
const SPECIAL_1252: ReadonlyMap<string, number> = new Map(
  Array.from({ length: 0x20 }, (_, n) => [windows1252.decode(Buffer.from([0x80 + n])), 0x80 + n]),
);

/** The octets that `decodeWindows1252` makes `text` of, or `undefined`. */
export function encodeWindows1252(text: string): Buffer | undefined {
  const octets = Buffer.from(text, 'latin1');
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x80 || (code >= 0xa0 && code <= 0xff)) continue;
    const octet = SPECIAL_1252.get(text.charAt(at));
    if (octet === undefined) return undefined;
    octets[at] = octet;
  }
  return octets;
}
