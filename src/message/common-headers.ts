import { type ListedMailbox, parseAddressList } from './address-list.ts';
import { decodeEncodedWords } from './encoded-words.ts';
import type { HeaderField } from './header-section.ts';

/** The usual header fields; a key is present only if the field is. Encoded words are decoded. */
export interface CommonHeaders {
  /** The reverse-path without angle brackets: always present, from the envelope. */
  readonly returnPath: string;
  /** Each entry is one mailbox with its display name, as in `"A B" <a@b.example>`. */
  readonly from?: readonly string[];
  /** The text of the Date field. */
  readonly date?: string;
  readonly to?: readonly string[];
  readonly cc?: readonly string[];
  readonly bcc?: readonly string[];
  readonly sender?: string;
  readonly replyTo?: readonly string[];
  /** The Message-ID field, with its angle brackets. */
  readonly messageId?: string;
  readonly subject?: string;
}

/** `commonHeaders` and `destination` of the notification. */
export interface ReadHeaders {
  readonly commonHeaders: CommonHeaders;
  /** The addresses of To and Cc, each once, in their order. */
  readonly destination: readonly string[];
}

/** The fields that are From: one, where the message is as it should be (RFC 5322 section 3.6). */
export function fromFields(fields: readonly HeaderField[]): readonly HeaderField[] {
  return fields.filter(({ name }) => name.length === 4 && name.toLowerCase() === 'from');
}

/**
 * The mailboxes of the From field: what `commonHeaders.from` shows, and what a check of the author (DMARC) must read, so
 * that both speak of the same. More than one From field (against RFC 5322 section 3.6) gives the mailboxes of all.
 */
export function readAuthors(fields: readonly HeaderField[]): ListedMailbox[] {
  return fromFields(fields).flatMap(({ value }) => parseAddressList(value));
}

export function readCommonHeaders(fields: readonly HeaderField[], returnPath: string): ReadHeaders {
  const byName = new Map<string, string[]>();
  for (const { name, value } of fields) {
    const key = name.toLowerCase();
    const values = byName.get(key);
    if (values === undefined) byName.set(key, [value]);
    else values.push(value);
  }
  const first = (name: string): string | undefined => byName.get(name)?.[0];
  // RFC 5322 section 3.6 allows each of these once; a message with two has all its mailboxes named.
  const list = (name: string) => byName.get(name)?.flatMap(parseAddressList);
  const texts = (name: string) => list(name)?.map(({ text }) => text);

  const to = list('to');
  const cc = list('cc');
  const from = byName.has('from') ? readAuthors(fields).map(({ text }) => text) : undefined;
  const date = first('date');
  const bcc = texts('bcc');
  const sender = texts('sender');
  const replyTo = texts('reply-to');
  const messageId = first('message-id');
  const subject = first('subject');
  return {
    commonHeaders: {
      returnPath,
      ...(from && { from }),
      ...(date !== undefined && { date }),
      ...(to && { to: to.map(({ text }) => text) }),
      ...(cc && { cc: cc.map(({ text }) => text) }),
      ...(bcc && { bcc }),
      ...(sender && { sender: sender.join(', ') }),
      ...(replyTo && { replyTo }),
      ...(messageId !== undefined && { messageId }),
      ...(subject !== undefined && { subject: decodeEncodedWords(subject) }),
    },
    destination: addressesOf([...(to ?? []), ...(cc ?? [])]),
  };
}

/** Each once. A mailbox that is only a name has none. */
function addressesOf(mailboxes: readonly ListedMailbox[]): string[] {
  const addresses = new Set(mailboxes.map(({ address }) => address));
  addresses.delete('');
  return [...addresses];
}
