// The files of the index: their names, and what is in them.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { isMissingObject } from '../bridge/index.ts';
import { listObjects, type Place } from './list-mail.ts';

const SUFFIX = '.ndjson.gz';

/**
 * `index/dt=2026-11-23/hr=13/mail.ndjson.gz`, and `mail-1` for the second file of an hour. Two prefixes never have the same
 * name: a slash within is a `~`, and what would make it ambiguous, or hide the file from Athena, is escaped as `!hh`.
 */
export function indexKey(hour: string, prefix: string, part: number): string {
  const suffix = part === 0 ? '' : `-${part}`;
  return `${hour}${indexName(prefix)}${suffix}${SUFFIX}`;
}

function indexName(prefix: string): string {
  const folder = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  if (folder === '') return prefix === '' ? 'root' : escapeAll('/');
  return (
    folder
      .replace(/[^A-Za-z0-9._/-]/g, escapeAll)
      // Athena does not read files with these names.
      .replace(/^[._]/, escapeAll)
      // The name of the empty prefix.
      .replace(/^r(?=oot$)/, escapeAll)
      // The number of a further file.
      .replace(/-(?=\d+$)/, escapeAll)
      .replaceAll('/', '~')
  );
}

function escapeAll(text: string): string {
  return Array.from(Buffer.from(text), (octet) => `!${octet.toString(16).padStart(2, '0')}`).join(
    '',
  );
}

/** The number of the file within its hour; `undefined` where it is the file of another prefix. */
function partOf(key: string, hour: string, prefix: string): number | undefined {
  const name = key.slice(hour.length, -SUFFIX.length);
  const own = indexName(prefix);
  if (!key.endsWith(SUFFIX) || !name.startsWith(own)) return undefined;
  const rest = name.slice(own.length);
  if (rest === '') return 0;
  return /^-[1-9]\d*$/.test(rest) ? Number(rest.slice(1)) : undefined;
}

/** The files of one prefix in the hours of one day: by the folder of the hour, the numbers that there are, in order. */
export async function listIndexFiles(
  place: Place,
  day: string,
  prefix: string,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const hours = new Map<string, number[]>();
  for await (const { Key = '' } of listObjects(place, day)) {
    const hour = Key.slice(0, Key.lastIndexOf('/') + 1);
    const part = partOf(Key, hour, prefix);
    if (part === undefined) continue;
    const parts = hours.get(hour) ?? [];
    hours.set(hour, parts);
    parts.push(part);
  }
  for (const parts of hours.values()) parts.sort((one, other) => one - other);
  return hours;
}

/** What the first file of an hour says of all of them. */
export interface IndexState {
  /** The digest of the listing that the files were made of. */
  readonly listing: string;
  /** Mails that could not be read then, and may be another time. */
  readonly unread: number;
}

/** Of another form, a line is read anew from its mail. */
const FORM = '1';

/** `undefined`: there is no such file, or it is of an earlier form. */
export async function readIndexState(
  { s3, bucket }: Place,
  key: string,
): Promise<IndexState | undefined> {
  try {
    const { Metadata = {} } = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    const { form, listing, unread } = Metadata;
    if (form !== FORM || listing === undefined) return undefined;
    return { listing, unread: Number(unread) };
  } catch (error) {
    if (isMissingObject(error)) return undefined;
    throw error;
  }
}

export async function putIndexFile(
  { s3, bucket }: Place,
  key: string,
  body: Buffer,
  state?: IndexState,
): Promise<void> {
  await s3.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: body,
      ContentType: 'application/gzip',
      ChecksumSHA256: createHash('sha256').update(body).digest('base64'),
      ...(state && {
        Metadata: { form: FORM, listing: state.listing, unread: String(state.unread) },
      }),
    }),
  );
}

export async function deleteIndexFile({ s3, bucket }: Place, key: string): Promise<void> {
  await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
}

/** A file in the making. Only what is compressed is in memory. */
export class IndexPacker {
  readonly #gzip = createGzip();
  readonly #packed: Buffer[] = [];
  readonly #ended: Promise<unknown>;
  #octets = 0;

  constructor() {
    this.#gzip.on('data', (chunk: Buffer) => this.#packed.push(chunk));
    this.#ended = once(this.#gzip, 'end');
    // Awaited by `finish`.
    this.#ended.catch(() => undefined);
  }

  /** Before compression. */
  get sizeInOctets(): number {
    return this.#octets;
  }

  async add(line: string): Promise<void> {
    this.#octets += line.length + 1;
    if (!this.#gzip.write(`${line}\n`)) await once(this.#gzip, 'drain');
  }

  async finish(): Promise<Buffer> {
    this.#gzip.end();
    await this.#ended;
    return Buffer.concat(this.#packed);
  }
}

export interface IndexRow {
  readonly key: string;
  /** As it is in the file, without the line end. */
  readonly line: string;
}

/**
 * The rows of these files, one after the other. Ends early where a file cannot be read or is incomplete: the caller then reads
 * the missing rows from the mails.
 */
export async function* readIndexRows(
  { s3, bucket }: Place,
  keys: readonly string[],
): AsyncGenerator<IndexRow> {
  try {
    for (const Key of keys) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
      for await (const line of linesOf(Body as Readable)) {
        yield { key: (JSON.parse(line) as { readonly object_key: string }).object_key, line };
      }
    }
  } catch {
    // Said above.
  }
}

async function* linesOf(body: Readable): AsyncGenerator<string> {
  const gunzip = createGunzip();
  body.once('error', (error) => gunzip.destroy(error));
  body.pipe(gunzip);
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } finally {
    body.destroy();
  }
}
