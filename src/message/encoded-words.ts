// Encoded words of header fields (RFC 2047), decoded to text.
import { type Charset, findCharset } from './charsets.ts';
import { encodeWindows1252 } from './windows-1252.ts';
import { cleanText } from './clean-text.ts';

const ENCODED_WORD = /=\?([^?\s]{1,64})\?([bBqQ])\?([^?\r\n]*)\?=/g;

/** Adjacent words in one charset, whose octets are decoded together. */
interface Run {
  readonly charset: Charset;
  readonly octets: Buffer[];
}

/**
 * `text` with its encoded words decoded. A word in an unknown charset stays as it is, and so do the blanks around it.
 * No decoded word brings in a control character or a line end. The work is linear in the length of `text`.
 */
export function decodeEncodedWords(text: string): string {
  if (!text.includes('=?')) return text;
  let decoded = '';
  let at = 0;
  let run: Run | undefined;
  let isAfterWord = false;
  for (const match of text.matchAll(ENCODED_WORD)) {
    const [word, label = '', encoding = '', payload = ''] = match;
    // RFC 2231 section 5: a language may follow the charset.
    const charset = findCharset(label.includes('*') ? label.slice(0, label.indexOf('*')) : label);
    const gap = text.slice(at, match.index);
    at = match.index + word.length;
    const isAdjacent = isAfterWord && charset !== undefined && isBlank(gap);
    const octets = charset && octetsOf(encoding, payload, charset);
    if (run !== undefined && !(isAdjacent && octets && run.charset === charset && charset.joins)) {
      decoded += decodeRun(run);
      run = undefined;
    }
    // White space between two encoded words is not shown (RFC 2047 section 6.2).
    if (!isAdjacent) decoded += gap;
    isAfterWord = charset !== undefined;
    if (charset === undefined) {
      decoded += word;
    } else if (octets === undefined) {
      decoded += decodeMixed(payload, charset);
    } else {
      // A character may be cut in two by adjacent words, against RFC 2047 section 5; many senders do it.
      run ??= { charset, octets: [] };
      run.octets.push(octets);
    }
  }
  if (run !== undefined) decoded += decodeRun(run);
  return decoded + text.slice(at);
}

function isBlank(gap: string): boolean {
  return gap === '' || gap === ' ' || /^[ \t]*$/.test(gap);
}

function decodeRun({ charset, octets }: Run): string {
  const [only] = octets;
  const all = octets.length === 1 && only !== undefined ? only : Buffer.concat(octets);
  return cleanText(charset.decode(all).toWellFormed());
}

/** `undefined`: the payload has characters that are not octets of the charset. */
function octetsOf(encoding: string, payload: string, charset: Charset): Buffer | undefined {
  if (encoding === 'B' || encoding === 'b') return Buffer.from(payload, 'base64');
  if (!NOT_ASCII.test(payload)) return decodeQ(payload);
  // Raw octets, against RFC 2047 section 2. The field was read as UTF-8 or as windows-1252.
  const raw = charset.isUtf8 ? Buffer.from(payload, 'utf8') : encodeWindows1252(payload);
  return raw && decodeQ(raw.toString('latin1'));
}

// oxlint-disable-next-line no-control-regex -- what is not ASCII
const NOT_ASCII = /[^\0-\x7f]/;
// oxlint-disable-next-line no-control-regex -- what is not ASCII
const NOT_ASCII_RUNS = /([^\0-\x7f]+)/;

/** Characters that are there already stay; what is between them is decoded. */
function decodeMixed(payload: string, charset: Charset): string {
  const parts = payload.split(NOT_ASCII_RUNS);
  return parts
    .map((part, index) =>
      index % 2 === 1 ? part : cleanText(charset.decode(decodeQ(part)).toWellFormed()),
    )
    .join('');
}

function decodeQ(payload: string): Buffer {
  return Buffer.from(
    payload
      .replace(/_/g, ' ')
      .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
}
