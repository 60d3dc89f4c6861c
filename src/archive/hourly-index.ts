// One compact file for each hour: envelope and header fields of its mails, a JSON object a line, gzip. Athena
// searches it without opening a mail.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { mapInOrder } from './in-order.ts';
import { listMail, type Place } from './list-mail.ts';
import { readMailHead } from './read-mail.ts';
import { notificationOf, type ReceivedNotification } from '../bridge/index.ts';
import { UnreadableMailError } from './unreadable-mail.ts';

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

export interface IndexedHour {
  /** `mail/dt=2026-11-23/hr=13/` */
  readonly partition: string;
  readonly keys: readonly string[];
  readonly mails: number;
  /** Left out of the files. */
  readonly unreadable: readonly UnreadableMailError[];
}

const HOUR_MILLIS = 3_600_000;
/** Of one file before compression; an hour with more gets several. What one file needs of memory. */
const FILE_OCTETS = 32 * 1024 * 1024;
const CONCURRENCY = 16;

/**
 * Writes the index of one prefix for every hour in the range that has mail, one after the other. An hour that
 * has an index gets it anew, under the same key.
 */
export async function* indexHours(
  place: Place,
  {
    prefix,
    from,
    to,
    indexPrefix = 'index/',
  }: {
    readonly prefix: string;
    readonly from?: Date;
    readonly to: Date;
    readonly indexPrefix?: string;
  },
): AsyncGenerator<IndexedHour> {
  const whole = { to: floorHour(to), ...(from && { from: floorHour(from) }) };
  const lines = mapInOrder(listMail(place, { prefix, ...whole }), CONCURRENCY, async ({ key }) => {
    const partition = key.slice(0, key.lastIndexOf('/') + 1);
    try {
      return { partition, line: JSON.stringify(await indexLine(place, key)) };
    } catch (error) {
      if (error instanceof UnreadableMailError) return { partition, line: error };
      throw error;
    }
  });
  let hour: HourWriter | undefined;
  for await (const { partition, line } of lines) {
    if (hour === undefined || hour.partition !== partition) {
      if (hour !== undefined) yield await hour.close();
      hour = createHourWriter(place, indexPrefix, prefix, partition);
    }
    await hour.add(line);
  }
  if (hour !== undefined) yield await hour.close();
}

async function indexLine(place: Place, key: string): Promise<IndexLine> {
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

interface HourWriter {
  readonly partition: string;
  add(line: string | UnreadableMailError): Promise<void>;
  close(): Promise<IndexedHour>;
}

function createHourWriter(
  place: Place,
  indexPrefix: string,
  prefix: string,
  partition: string,
): HourWriter {
  const keys: string[] = [];
  const unreadable: UnreadableMailError[] = [];
  let mails = 0;
  let lines: string[] = [];
  let octets = 0;
  const flush = async (): Promise<void> => {
    const Key = indexKey(indexPrefix, prefix, partition, keys.length);
    const Body = gzipSync(lines.join(''));
    lines = [];
    octets = 0;
    await place.s3.send(
      new PutObjectCommand({
        Bucket: place.bucket,
        Key,
        Body,
        ContentType: 'application/gzip',
        ChecksumSHA256: createHash('sha256').update(Body).digest('base64'),
      }),
    );
    keys.push(Key);
  };
  return {
    partition,
    add: async (line) => {
      if (line instanceof UnreadableMailError) {
        unreadable.push(line);
        return;
      }
      mails += 1;
      octets += line.length + 1;
      lines.push(`${line}\n`);
      if (octets >= FILE_OCTETS) await flush();
    },
    close: async () => {
      if (lines.length > 0) await flush();
      return { partition, keys, mails, unreadable };
    },
  };
}

/** `index/dt=2026-11-23/hr=13/mail.ndjson.gz`; a prefix with folders in it is joined by `~`. */
function indexKey(indexPrefix: string, prefix: string, partition: string, part: number): string {
  const name = prefix.replace(/\/$/, '').replaceAll('/', '~') || 'root';
  const suffix = part === 0 ? '' : `-${part}`;
  return `${indexPrefix}${partition.slice(prefix.length)}${name}${suffix}.ndjson.gz`;
}

function floorHour(at: Date): Date {
  return new Date(Math.floor(at.getTime() / HOUR_MILLIS) * HOUR_MILLIS);
}
