import { type _Object, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import type { RestoreOptions } from './restore-options.ts';
import {
  dayOf,
  hoursWithin,
  isWithin,
  type MailKey,
  parseMailKey,
  type TimeRange,
} from './received-time.ts';

/** One stored mail, as a listing knows it. */
export interface ListedMail extends MailKey {
  /** Of the object: the message and its trace header block. */
  readonly sizeInOctets: number;
}

export interface Place {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly signal?: AbortSignal;
  /** Asks S3 to bring back each mail that is read and is in cold storage. Absent: it is only reported. */
  readonly restore?: RestoreOptions;
}

export interface ListOptions extends TimeRange {
  /** In front of the time partitions, as `mail/`. */
  readonly prefix: string;
  /** Begin behind this key. */
  readonly after?: string;
}

/**
 * The mails of one prefix in the order of their keys, which is the order of time. Reads only the partitions
 * that the range touches, page by page: a thousand keys are in memory at once.
 */
export async function* listMail(place: Place, options: ListOptions): AsyncGenerator<ListedMail> {
  const { prefix, after } = options;
  for await (const day of listDays(place, options)) {
    const hours = hoursWithin(day, options);
    const partitions =
      hours === 'all'
        ? [`${prefix}dt=${day}/`]
        : hours.map((hour) => `${prefix}dt=${day}/hr=${hour}/`);
    for (const partition of partitions) {
      // Past it already: every key of the partition is before `after`.
      if (after !== undefined && after > partition && !after.startsWith(partition)) continue;
      for await (const mail of listPartition(place, partition, after)) {
        if (isWithin(mail.receivedAt, options)) yield mail;
      }
    }
  }
}

/** The mails of a day or an hour in the order of their keys: `mail/dt=2026-11-23/hr=13/`. */
export async function* listPartition(
  place: Place,
  partition: string,
  after?: string,
): AsyncGenerator<ListedMail> {
  for await (const { Key = '', Size = 0 } of listObjects(place, partition, after)) {
    const mail = parseMailKey(Key);
    if (mail !== undefined) yield { ...mail, sizeInOctets: Size };
  }
}

/** The days that have mail. Asks for the names of the partitions only, a thousand days in one answer. */
export async function* listDays(
  place: Place,
  { prefix, from, to, after }: ListOptions,
): AsyncGenerator<string> {
  const start = `${prefix}dt=`;
  const afterDay = after?.startsWith(start) ? after.slice(start.length, start.length + 10) : '';
  const fromDay = from === undefined ? '' : dayOf(from);
  // `dt=2026-11-23` sorts before `dt=2026-11-23/`, so the day itself is in the answer.
  const firstDay = fromDay > afterDay ? fromDay : afterDay;
  const lastDay = to === undefined ? '9999-12-31' : dayOf(new Date(to.getTime() - 1));
  for await (const { CommonPrefixes = [] } of pages(place, {
    Prefix: start,
    Delimiter: '/',
    ...(firstDay !== '' && { StartAfter: start + firstDay }),
  })) {
    for (const { Prefix = '' } of CommonPrefixes) {
      const day = Prefix.slice(start.length, -1);
      if (day > lastDay) return;
      if (/^\d{4}-\d\d-\d\d$/.test(day)) yield day;
    }
  }
}

/** The folders directly under a prefix, each with its slash. */
export async function* listFolders(place: Place, prefix: string): AsyncGenerator<string> {
  for await (const { CommonPrefixes = [] } of pages(place, { Prefix: prefix, Delimiter: '/' })) {
    for (const { Prefix = '' } of CommonPrefixes) yield Prefix;
  }
}

/** The objects under a prefix. */
export async function* listObjects(
  place: Place,
  prefix: string,
  after?: string,
): AsyncGenerator<_Object> {
  const StartAfter = after?.startsWith(prefix) ? after : undefined;
  for await (const { Contents = [] } of pages(place, {
    Prefix: prefix,
    ...(StartAfter !== undefined && { StartAfter }),
  })) {
    yield* Contents;
  }
}

async function* pages(
  { s3, bucket, signal }: Place,
  query: { readonly Prefix: string; readonly Delimiter?: string; readonly StartAfter?: string },
) {
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        ...query,
        ...(ContinuationToken !== undefined && { ContinuationToken }),
      }),
      { ...(signal && { abortSignal: signal }) },
    );
    yield page;
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
}
