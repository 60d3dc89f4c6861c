// One compact file for each hour: envelope and header fields of its mails, a JSON object a line, gzip. Athena
// searches it without opening a mail. The file remembers the listing that it was made of, so that an hour is passed over
// until a mail of it comes or goes, and then only new mails are read.
import { createHash } from 'node:crypto';
import { mapInOrder } from './in-order.ts';
import {
  deleteIndexFile,
  IndexPacker,
  type IndexRow,
  indexKey,
  listIndexFiles,
  putIndexFile,
  readIndexRows,
  readIndexState,
} from './index-files.ts';
import { readIndexLine } from './index-line.ts';
import { type ListedMail, listDays, listFolders, listPartition, type Place } from './list-mail.ts';
import { floorHour, hoursWithin, type TimeRange } from './received-time.ts';
import { type MailFault, UnreadableMailError } from './unreadable-mail.ts';

export interface IndexOptions {
  readonly prefix: string;
  readonly from?: Date;
  readonly to: Date;
  /** Default `index/`. */
  readonly indexPrefix?: string;
  /** Reads every mail again. Default false. */
  readonly rewrite?: boolean;
  /** Called for each mail that was read. */
  readonly onRead?: () => void;
  /** Called for each mail that cannot be read. It is left out of the files, and tried again where that may help. */
  readonly onUnreadable?: (error: UnreadableMailError) => void;
}

export interface IndexedHour {
  /** `mail/dt=2026-11-23/hr=13/` */
  readonly partition: string;
  /** `unchanged`: the files have all mails of the hour, and no other. `removed`: the hour has no mail any more. */
  readonly state: 'written' | 'unchanged' | 'removed';
  /** The files that were written. */
  readonly keys: readonly string[];
  /** The files that were deleted. */
  readonly deleted: readonly string[];
  /** In the files that were written. */
  readonly mails: number;
  /** Of these, read now: the lines of the others were there. */
  readonly read: number;
  /** Left out of the files. */
  readonly unreadable: number;
}

/** Of one file before compression; an hour with more gets several. */
const FILE_OCTETS = 32 * 1024 * 1024;
const CONCURRENCY = 16;

/** Brings the index of one prefix up to date for every hour in the range, one after the other. */
export async function* indexHours(
  place: Place,
  options: IndexOptions,
): AsyncGenerator<IndexedHour> {
  const { prefix, from, to, indexPrefix = 'index/' } = options;
  const range: TimeRange = { to: floorHour(to), ...(from && { from: floorHour(from) }) };
  const days = new Set<string>();
  // Days that had mail once, too: their lines have to go.
  for (const start of [prefix, indexPrefix]) {
    for await (const day of listDays(place, { prefix: start, ...range })) days.add(day);
  }
  for (const day of [...days].sort()) {
    const files = await listIndexFiles(place, `${indexPrefix}dt=${day}/`, prefix);
    const filled = new Set<string>();
    for await (const folder of listFolders(place, `${prefix}dt=${day}/`)) filled.add(folder);
    const within = hoursWithin(day, range);
    for (let hour = 0; hour < 24; hour += 1) {
      const digits = String(hour).padStart(2, '0');
      if (within !== 'all' && !within.includes(digits)) continue;
      const partition = `${prefix}dt=${day}/hr=${digits}/`;
      const folder = `${indexPrefix}dt=${day}/hr=${digits}/`;
      const parts = files.get(folder) ?? [];
      if (parts.length === 0 && !filled.has(partition)) continue;
      const hourFiles = { prefix, partition, folder, parts };
      const indexed = await indexHour(place, hourFiles, options);
      if (indexed !== undefined) yield indexed;
    }
  }
}

interface HourFiles {
  readonly prefix: string;
  readonly partition: string;
  /** Of the index. */
  readonly folder: string;
  /** The numbers of the files that there are. */
  readonly parts: readonly number[];
}

async function indexHour(
  place: Place,
  files: HourFiles,
  options: IndexOptions,
): Promise<IndexedHour | undefined> {
  const { rewrite = false } = options;
  const { prefix, partition, folder, parts } = files;
  const keyOf = (part: number): string => indexKey(folder, prefix, part);
  const before = parts[0] === 0 ? await readIndexState(place, keyOf(0)) : undefined;
  const listed = await digestListing(listPartition(place, partition));
  const nothing = { partition, keys: [], deleted: [], mails: 0, read: 0, unreadable: 0 };
  if (listed.mails === 0) {
    if (parts.length === 0) return undefined;
    const deleted = parts.map(keyOf);
    // The first file last: a run that is interrupted finds it, and goes on.
    for (const key of deleted.toReversed()) await deleteIndexFile(place, key);
    return { ...nothing, state: 'removed', deleted };
  }
  if (!rewrite && before?.listing === listed.digest && before.unread === 0) {
    return { ...nothing, state: 'unchanged' };
  }
  const known = rewrite || before === undefined ? [] : parts.map(keyOf);
  return writeHour(place, files, readIndexRows(place, known), options);
}

async function writeHour(
  place: Place,
  { prefix, partition, folder, parts }: HourFiles,
  known: AsyncGenerator<IndexRow>,
  { onRead, onUnreadable }: IndexOptions,
): Promise<IndexedHour> {
  const digest = createHash('sha256');
  /** Files by their number. The first one is written last, and says that the others are whole. */
  const keys: string[] = [];
  let first: Buffer | undefined;
  let packer = new IndexPacker();
  let mails = 0;
  let read = 0;
  let unreadable = 0;
  let unread = 0;
  const flush = async (): Promise<void> => {
    const packed = await packer.finish();
    const key = indexKey(folder, prefix, keys.length);
    packer = new IndexPacker();
    keys.push(key);
    if (first === undefined) first = packed;
    else await putIndexFile(place, key, packed);
  };

  async function* listing(): AsyncGenerator<ListedMail> {
    for await (const mail of listPartition(place, partition)) {
      digest.update(digestLine(mail));
      yield mail;
    }
  }
  const rows = mapInOrder(join(listing(), known), CONCURRENCY, async ({ mail, line }) => {
    if (line !== undefined) return line;
    try {
      return JSON.stringify(await readIndexLine(place, mail.key));
    } catch (error) {
      if (error instanceof UnreadableMailError) return error;
      throw error;
    } finally {
      read += 1;
      onRead?.();
    }
  });
  for await (const row of rows) {
    if (row instanceof UnreadableMailError) {
      unreadable += 1;
      if (!LASTING.has(row.fault)) unread += 1;
      onUnreadable?.(row);
      continue;
    }
    mails += 1;
    await packer.add(row);
    if (packer.sizeInOctets >= FILE_OCTETS) await flush();
  }
  if (packer.sizeInOctets > 0 || first === undefined) await flush();
  const deleted = parts
    .filter((part) => part >= keys.length)
    .map((part) => indexKey(folder, prefix, part));
  for (const key of deleted) await deleteIndexFile(place, key);
  const state = { listing: digest.digest('hex'), unread };
  await putIndexFile(place, indexKey(folder, prefix, 0), first ?? (await packer.finish()), state);
  return { partition, state: 'written', keys, deleted, mails, read, unreadable };
}

/** Another run would find the same: the hour is done without the mail. */
const LASTING: ReadonlySet<MailFault> = new Set([
  'gone',
  'foreign',
  'later-version',
  'damaged',
  'sidecar-missing',
]);

/** The mails of a listing, each with the line that the index has of it. Both are in the order of the keys. */
async function* join(
  listing: AsyncGenerator<ListedMail>,
  known: AsyncGenerator<IndexRow>,
): AsyncGenerator<{ readonly mail: ListedMail; readonly line?: string }> {
  try {
    let row = await known.next();
    for await (const mail of listing) {
      while (!row.done && row.value.key < mail.key) row = await known.next();
      if (!row.done && row.value.key === mail.key) yield { mail, line: row.value.line };
      else yield { mail };
    }
  } finally {
    await known.return(undefined);
  }
}

async function digestListing(
  listing: AsyncIterable<ListedMail>,
): Promise<{ readonly digest: string; readonly mails: number }> {
  const digest = createHash('sha256');
  let mails = 0;
  for await (const mail of listing) {
    digest.update(digestLine(mail));
    mails += 1;
  }
  return { digest: digest.digest('hex'), mails };
}

function digestLine({ key, sizeInOctets }: ListedMail): string {
  return `${key} ${sizeInOctets}\n`;
}
