// Charsets by their labels in mail: those of the WHATWG Encoding Standard by `TextDecoder`, others by iconv-lite.
import { TextDecoder } from 'node:util';
import iconv from 'iconv-lite';

export interface Charset {
  readonly decode: (octets: Buffer) => string;
  /** The octets of adjacent encoded words may be joined: no word leaves a shift state or a byte order behind. */
  readonly joins: boolean;
  readonly isUtf8: boolean;
}

/** Labels that differ from those of `TextDecoder` and iconv-lite by more than case and punctuation, and the most usual ones. */
const ALIASES: Readonly<Record<string, string>> = {
  cp50220: 'iso-2022-jp',
  cp50221: 'iso-2022-jp',
  cp50222: 'iso-2022-jp',
  cp65001: 'utf-8',
  cseucpkdfmtjapanese: 'euc-jp',
  csiso2022jp: 'iso-2022-jp',
  csiso2022kr: 'iso-2022-kr',
  csiso88596e: 'iso-8859-6',
  csiso88596i: 'iso-8859-6',
  csiso88598e: 'iso-8859-8',
  csiso88598i: 'iso-8859-8-i',
  csisolatin9: 'iso-8859-15',
  csunicode: 'utf-16le',
  dos874: 'windows-874',
  eucjp: 'euc-jp',
  iso10646ucs2: 'utf-16le',
  iso2022jp: 'iso-2022-jp',
  iso2022jpms: 'iso-2022-jp',
  iso2022kr: 'iso-2022-kr',
  iso88591: 'iso-8859-1',
  iso88596e: 'iso-8859-6',
  iso88596i: 'iso-8859-6',
  iso88598i: 'iso-8859-8-i',
  koi: 'koi8-r',
  koi8: 'koi8-r',
  logical: 'iso-8859-8-i',
  suneugreek: 'iso-8859-7',
  unicode: 'utf-16le',
  unicode20utf8: 'utf-8',
  unicodefeff: 'utf-16le',
  unicodefffe: 'utf-16be',
  usascii: 'us-ascii',
  utf8: 'utf-8',
  visual: 'iso-8859-8',
  xeucjp: 'euc-jp',
  xmaccyrillic: 'x-mac-cyrillic',
  xmacroman: 'macintosh',
  xmacukrainian: 'x-mac-cyrillic',
  xunicode20utf8: 'utf-8',
};

/** What iconv-lite has for octets, not for characters. */
const NO_CHARSETS: ReadonlySet<string> = new Set(['base64', 'binary', 'hex']);

/** By canonical label, only known ones: a few hundred at most. */
const charsets = new Map<string, Charset>();
/** By the label as it is in mail, as many as are usual. */
const usual = new Map<string, Charset>();
const USUAL_LABELS = 100;

/** The charset that a label of any case and punctuation names. `undefined` for an unknown one, without an exception. */
export function findCharset(label: string): Charset | undefined {
  const seen = usual.get(label);
  if (seen !== undefined) return seen;
  const canonical = canonicalLabel(label);
  const charset = charsets.get(canonical) ?? makeCharset(canonical);
  if (charset === undefined) return undefined;
  charsets.set(canonical, charset);
  if (usual.size < USUAL_LABELS) usual.set(label, charset);
  return charset;
}

/** `UTF_8`, `utf8` and `x-cp1252` as `utf8` and `cp1252`, `8859-1` as `iso88591`. Depends on nothing but the label. */
function canonicalLabel(label: string): string {
  const letters = label.toLowerCase().replace(/:\d{4}$|[^0-9a-z]/g, '');
  if (letters.startsWith('8859')) return `iso${letters}`;
  return letters.startsWith('xcp') ? letters.slice(1) : letters;
}

function makeCharset(canonical: string): Charset | undefined {
  const label = Object.hasOwn(ALIASES, canonical) ? ALIASES[canonical] : undefined;
  if (label === 'iso-2022-jp') return { decode: decodeIso2022Jp, joins: true, isUtf8: false };
  if (label === 'iso-2022-kr') return { decode: decodeIso2022Kr, joins: true, isUtf8: false };
  if (label === undefined && !isInIconv(canonical)) return undefined;
  const decoder = textDecoder(label ?? canonical.replace(/^windows(?=125|874)/, 'windows-'));
  if (decoder === undefined) {
    const joins = !/^(?:utf|ucs|unicode)/.test(canonical);
    return { decode: (octets) => iconv.decode(octets, canonical), joins, isUtf8: false };
  }
  const { encoding } = decoder;
  return {
    decode: (octets) => decoder.decode(octets),
    joins: !encoding.startsWith('utf-16'),
    isUtf8: encoding === 'utf-8',
  };
}

function isInIconv(canonical: string): boolean {
  // The first call makes iconv-lite load its table of labels; a look-up there throws nothing for a label that is unknown.
  if (iconv.encodings === null) iconv.encodingExists('utf8');
  const known: Readonly<Record<string, unknown>> = iconv.encodings ?? {};
  return known[canonical] !== undefined && !NO_CHARSETS.has(canonical);
}

function textDecoder(label: string): TextDecoder | undefined {
  try {
    return new TextDecoder(label);
  } catch {
    return undefined;
  }
}

const iso2022Jp = new TextDecoder('iso-2022-jp');
/** An escape sequence with nothing behind it but another one: where two encoded words meet. */
// oxlint-disable-next-line no-control-regex -- ISO 2022 switches by control characters
const EMPTY_ESCAPE = /\x1b(?:\([BIJ]|\$[@B])(?=\x1b)/g;

/** The standard decodes an escape sequence with nothing behind it to U+FFFD, so it is removed. */
function decodeIso2022Jp(octets: Buffer): string {
  const text = octets.toString('latin1');
  return iso2022Jp.decode(Buffer.from(text.replace(EMPTY_ESCAPE, ''), 'latin1'));
}

const eucKr = new TextDecoder('euc-kr');

/** RFC 1557: EUC-KR with 7 bits, between SO and SI. */
function decodeIso2022Kr(octets: Buffer): string {
  const shifted = octets
    .toString('latin1')
    .replaceAll('\x1b$)C', '')
    // oxlint-disable-next-line no-control-regex -- ISO 2022 switches by control characters
    .replace(/\x0e([^\x0f]*)\x0f?/g, (_, korean: string) => withHighBits(korean));
  return eucKr.decode(Buffer.from(shifted, 'latin1'));
}

function withHighBits(text: string): string {
  const octets = Buffer.from(text, 'latin1');
  for (const [at, octet] of octets.entries()) if (octet > 0x20) octets[at] = octet | 0x80;
  return octets.toString('latin1');
}
