import { notificationOf, type ReceivedNotification } from '../bridge/index.ts';
import type { Place } from './list-mail.ts';
import { readMailHead } from './read-mail.ts';

/** One line of an index. Column names are lower case: Hive knows no others. */
export interface IndexLine {
  readonly message_id: string;
  readonly object_key: string;
  readonly received_at: string;
  readonly size_octets: number;
  readonly sha256: string;
  /** `''` for the null reverse-path. */
  readonly reverse_path: string;
  readonly recipients: readonly string[];
  readonly client_address: string;
  readonly helo: string;
  readonly tls_version: string | null;
  readonly username: string | null;
  readonly listener: string;
  readonly verdicts: Readonly<Record<'spam' | 'virus' | 'spf' | 'dkim' | 'dmarc', string>>;
  readonly header_from: readonly string[];
  readonly header_to: readonly string[];
  readonly header_cc: readonly string[];
  readonly subject: string | null;
  readonly header_date: string | null;
  readonly header_message_id: string | null;
  /** All fields as far as 10 KB go. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

/**
 * Reads one mail for the index.
 * @throws UnreadableMailError
 */
export async function readIndexLine(place: Place, key: string): Promise<IndexLine> {
  const { message } = notificationOf(place, key, await readMailHead(place, key));
  const { mail, receipt, mailsluice: member } = JSON.parse(message) as ReceivedNotification;
  const { commonHeaders } = mail;
  return {
    message_id: mail.messageId,
    object_key: key,
    received_at: mail.timestamp,
    size_octets: member.traceHeaderSize + (member.storedSize ?? member.size),
    sha256: member.sha256,
    reverse_path: mail.source,
    recipients: receipt.recipients,
    client_address: member.client.address,
    helo: member.client.helo,
    tls_version: member.tls?.version ?? null,
    username: member.authenticated?.username ?? null,
    listener: member.listener,
    verdicts: {
      spam: receipt.spamVerdict.status,
      virus: receipt.virusVerdict.status,
      spf: receipt.spfVerdict.status,
      dkim: receipt.dkimVerdict.status,
      dmarc: receipt.dmarcVerdict.status,
    },
    header_from: commonHeaders.from ?? [],
    header_to: commonHeaders.to ?? [],
    header_cc: commonHeaders.cc ?? [],
    subject: commonHeaders.subject ?? null,
    header_date: commonHeaders.date ?? null,
    header_message_id: commonHeaders.messageId ?? null,
    headers: mail.headers,
  };
}
