// The one reading of From: who wrote a mail, as `commonHeaders` shows it, as far as every reader of the mail sees the same.
import type { HeaderSection } from '../../../message/header-section.ts';
import { type ListedMailbox, parseAddressList } from '../../../message/address-list.ts';
import { fromFields, readAuthors } from '../../../message/common-headers.ts';
import { decodeEncodedWords } from '../../../message/encoded-words.ts';
import { normalizeDomain } from './domain-name.ts';
import { findFromLines } from './from-lines.ts';
import { parseStrictMailbox, type StrictMailbox } from './strict-mailbox.ts';

export type Author =
  | {
      readonly kind: 'mailbox';
      /** As `commonHeaders.from` shows it, without the display name. */
      readonly address: string;
      /** Lower case, A-labels. */
      readonly domain: string;
      /** Why the field may make a reader see another author than this one, who is judged and never authenticated. */
      readonly doubt?: string;
    }
  /** No From field. */
  | { readonly kind: 'none' }
  /** Not exactly one From field with exactly one mailbox, or readers do not agree on it. */
  | {
      readonly kind: 'unclear';
      readonly reason: string;
      /** The first ten domains that the From fields name, each once, in lower case and A-labels. */
      readonly domains: readonly string[];
    };

/** One mailbox has a line, whose length has a bound (RFC 5322 section 2.1.1); a long name may be folded. */
const FROM_LENGTH = 4096;
/** How many domains of an unclear author are asked for their policy. */
const DOMAINS = 10;
/** How many spellings are tried for these ten. */
const SPELLINGS = 200;

/**
 * `header`: what `commonHeaders` is read from. `section`: its octets. The author is clear only if there is one field that can
 * be taken for From, and a strict parser of RFC 5322 and the lenient one of `commonHeaders` read the same mailbox in it.
 */
export function readAuthor(header: HeaderSection, section: Buffer): Author {
  const lines = findFromLines(section);
  const fields = fromFields(header.fields);
  const length = lines.values.reduce((sum, value) => sum + value.length, 0);
  const isLong = length > FROM_LENGTH;
  const mailboxes = isLong ? [] : readAuthors(header.fields);
  const unclear = (reason: string): Author => ({
    kind: 'unclear',
    reason,
    domains: domainsOf(mailboxes, lines.values, isLong),
  });

  if (header.truncated) return unclear('the header section is too large');
  const [field] = fields;
  if (field === undefined && lines.values.length === 0) return { kind: 'none' };
  if (fields.length > 1) return unclear('more than one From field');
  if (lines.problem !== undefined) return unclear(lines.problem);
  if (isLong) return unclear('the From field is too long');
  if (field === undefined || lines.values.length !== 1)
    return unclear('the From field is malformed');
  if (mailboxes.length > 1) return unclear('more than one mailbox in From');
  // Where only some readers see a blank or the end of a line, `commonHeaders` shows less than the octets say.
  if (lines.doubt === undefined && !isSame(lines.values[0] ?? '', field.value)) {
    return unclear('the From field has characters that not all readers see');
  }
  const [lenient] = mailboxes;
  const strict = parseStrictMailbox(field.value.replaceAll('\t', ' '));
  if (lenient === undefined || strict === undefined || strict.address !== lenient.address) {
    return unclear('From is not one mailbox of RFC 5322');
  }
  const domain = normalizeDomain(strict.domain);
  if (domain === undefined) return unclear('From has no domain name');
  const doubt = lines.doubt ?? doubtOf(strict, domain);
  return {
    kind: 'mailbox',
    address: lenient.address,
    domain,
    ...(doubt !== undefined && { doubt }),
  };
}

function isSame(value: string, shown: string): boolean {
  return value.replace(/[ \t]+/g, ' ') === shown.replace(/[ \t]+/g, ' ');
}

/** Controls, characters that are not seen or change the order of others, and blanks that are none of ASCII. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\ufffd]|(?! )\p{Zs}/u;

function doubtOf({ localPart, shown }: StrictMailbox, domain: string): string | undefined {
  // RFC 5322 allows each of these; gateways and readers give them meanings of their own.
  if (/[%!@<>()[\]:;,"\\]/.test(localPart)) return 'the local part names another route';
  if (localPart.includes('=?') || INVISIBLE.test(localPart)) {
    return 'the local part has characters that are not shown';
  }
  if (shown === '') return undefined;
  const text = decodeEncodedWords(shown).normalize('NFKC');
  if (text.includes('=?')) return 'the display name has an encoded word that cannot be decoded';
  if (/[\u202a-\u202e\u2066-\u2069\ufffd]/u.test(text)) {
    return 'the display name has characters that change its order';
  }
  const isForeign = domainsIn(text).some((spelling) => normalizeDomain(spelling) !== domain);
  return isForeign ? 'the display name has an address of another domain' : undefined;
}

/** What stands behind each `@` of a text and looks like a domain: it has a dot, as readers see it. */
function domainsIn(text: string): string[] {
  if (!text.includes('@')) return [];
  const parts = withoutNoise(text).split('.');
  const seen = parts.map((part) => part.trim()).join('.');
  return [...seen.matchAll(/@\s*([^\s@<>()[\],;:"'\\]+)/gu)].flatMap(([, spelling = '']) => {
    const trimmed = trimDots(spelling);
    return trimmed.includes('.') ? trimmed : [];
  });
}

/** The domains that a reader may take for that of the author: the mailboxes', then whatever stands behind an `@`. */
function domainsOf(
  mailboxes: readonly ListedMailbox[],
  values: readonly string[],
  isLong: boolean,
): string[] {
  const spellings = new Set<string>();
  const domains = new Set<string>();
  const texts = function* (): Generator<string> {
    for (const { address } of mailboxes) yield address;
    for (const value of values) {
      const listed = isLong ? [] : parseAddressList(clean(value));
      for (const { address } of listed) yield address;
      yield decodeEncodedWords(clean(value)).normalize('NFKC');
    }
  };
  for (const text of texts()) {
    for (const [, spelling = ''] of text.matchAll(/@ *([^\s@<>()[\],;:"'\\]+)/gu)) {
      if (spellings.has(spelling)) continue;
      spellings.add(spelling);
      if (spellings.size > SPELLINGS) return [...domains];
      const domain = normalizeDomain(trimDots(withoutNoise(spelling)));
      if (domain !== undefined) domains.add(domain);
      if (domains.size === DOMAINS) return [...domains];
    }
  }
  return [...domains];
}

function clean(value: string): string {
  return value.replace(/\p{Cc}+/gu, ' ').toWellFormed();
}

/** As a careless reader sees it: without what is invisible, and with one full stop for all. */
function withoutNoise(text: string): string {
  return text
    .replace(/[\p{Cf}\p{Cc}\ufffd]/gu, '')
    .replace(/[\u3002\uff0e\uff61]/gu, '.')
    .replace(/\.{2,}/g, '.');
}

function trimDots(domain: string): string {
  return domain.replace(/^\.|\.$/g, '');
}
