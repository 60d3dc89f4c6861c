// Encoded words of header fields (RFC 2047), decoded to text.
import { TextDecoder } from 'node:util';

const ENCODED_WORD = /=\?([^?\s]{1,64})\?([bBqQ])\?([^?\r\n]*)\?=/g;
/** White space between two encoded words is not shown (RFC 2047 section 6.2). */
const BETWEEN_WORDS = /(\?=)[ \t]+(?==\?[^?\s]{1,64}\?[bBqQ]\?)/g;

/** One for each charset label that Node.js knows: a few hundred at most. */
const decoders = new Map<string, TextDecoder>();

/**
 * `text` with its encoded words decoded. A word in an unknown charset stays as it is; control characters
 * that an encoded word would bring in become a space, so that no decoded field holds a line break.
 */
export function decodeEncodedWords(text: string): string {
  if (!text.includes('=?')) return text;
  let decoded = '';
  let at = 0;
  let pending: { readonly charset: string; readonly octets: Buffer[] } | undefined;
  const flush = (): void => {
    if (pending !== undefined)
      decoded += decodeOctets(Buffer.concat(pending.octets), pending.charset);
    pending = undefined;
  };
  const joined = text.replace(BETWEEN_WORDS, '$1');
  for (const match of joined.matchAll(ENCODED_WORD)) {
    const [word, label = '', encoding = '', payload = ''] = match;
    // RFC 2231 section 5: a language may follow the charset.
    const charset = label.split('*', 1)[0]?.toLowerCase() ?? '';
    if (match.index > at) {
      flush();
      decoded += joined.slice(at, match.index);
    }
    at = match.index + word.length;
    if (decoderOf(charset) === undefined) {
      flush();
      decoded += word;
      continue;
    }
    // A character may be cut in two by adjacent words, against RFC 2047 section 5; many senders do it.
    if (pending?.charset !== charset) {
      flush();
      pending = { charset, octets: [] };
    }
    pending.octets.push(
      encoding.toUpperCase() === 'B' ? Buffer.from(payload, 'base64') : decodeQ(payload),
    );
  }
  flush();
  return decoded + joined.slice(at);
}

function decodeQ(payload: string): Buffer {
  return Buffer.from(
    payload
      .replace(/_/g, ' ')
      .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
}

function decodeOctets(octets: Buffer, charset: string): string {
  return (decoderOf(charset)?.decode(octets) ?? '').replace(/[\0-\x1f\x7f]+/g, ' ');
}

function decoderOf(charset: string): TextDecoder | undefined {
  const known = decoders.get(charset);
  if (known !== undefined) return known;
  try {
    const decoder = new TextDecoder(charset);
    decoders.set(charset, decoder);
    return decoder;
  } catch {
    return undefined;
  }
}
