import { parseAddressList } from './address-list.ts';
import { decodeEncodedWords } from './encoded-words.ts';
import type { HeaderField } from './header-section.ts';
import type { CommonHeaders } from '../bridge/contract/notification-types.ts';

/** `commonHeaders` and `destination` of the notification. */
export interface ReadHeaders {
  readonly commonHeaders: CommonHeaders;
  /** The addresses of To and Cc, each once, in their order. */
  readonly destination: readonly string[];
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
  const from = texts('from');
  const date = first('date');
  const bcc = texts('bcc');
  const sender = first('sender');
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
      ...(sender !== undefined && { sender: decodeEncodedWords(sender) }),
      ...(replyTo && { replyTo }),
      ...(messageId !== undefined && { messageId }),
      ...(subject !== undefined && { subject: decodeEncodedWords(subject) }),
    },
    destination: [...new Set([...(to ?? []), ...(cc ?? [])].map(({ address }) => address))],
  };
}
