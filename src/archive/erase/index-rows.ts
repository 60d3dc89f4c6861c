// One person's rows in a file of the index, and the file without them.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { parseAddressList } from '../../message/address-list.ts';
import type { IndexLine } from '../index-line.ts';
import { isWithin } from '../received-time.ts';
import { type ObjectVersion, sendOptions, type VersionedPlace } from './object-versions.ts';
import { headerAddressesOf, otherRecipients, type Parties, rolesOf } from './person.ts';
import { getVersion } from './read-version.ts';
import type { EraseScope } from './scope.ts';

/** A file of the index has lines that are no rows. */
export class IndexFileError extends Error {
  override readonly name = 'IndexFileError';
  readonly code = 'MAILSLUICE_INDEX_FILE_INVALID';
}

export interface CountedRows {
  readonly theirs: number;
  readonly others: number;
}

/** Rejects with `IndexFileError` and the SDK's error. */
export async function countRows(
  place: VersionedPlace,
  version: ObjectVersion,
  scope: EraseScope,
): Promise<CountedRows> {
  const { Body } = await getVersion(place, version);
  const counts = { theirs: 0, others: 0 };
  await readLines(Body as Readable, async (lines) => {
    for await (const line of lines) {
      if (isTheirs(line, scope)) counts.theirs += 1;
      else counts.others += 1;
    }
  });
  return counts;
}

/**
 * Writes the file without the person's rows, unless it was written by somebody else at the same time: S3 refuses that
 * with `PreconditionFailed`.
 */
export async function rewriteIndexFile(
  place: VersionedPlace,
  version: ObjectVersion,
  scope: EraseScope,
): Promise<void> {
  const { Body, ETag, Metadata, ContentType } = await getVersion(place, version);
  const chunks: Buffer[] = [];
  await readLines(Body as Readable, (lines) =>
    pipeline(
      async function* () {
        for await (const line of lines) if (!isTheirs(line, scope)) yield `${line}\n`;
      },
      createGzip(),
      async (compressed: AsyncIterable<Buffer>) => {
        for await (const chunk of compressed) chunks.push(chunk);
      },
    ),
  );
  const body = Buffer.concat(chunks);
  await place.s3.send(
    new PutObjectCommand({
      Bucket: place.bucket,
      Key: version.key,
      Body: body,
      ContentType: ContentType ?? 'application/gzip',
      ...(Metadata && { Metadata }),
      ...(ETag !== undefined && { IfMatch: ETag }),
      ChecksumSHA256: createHash('sha256').update(body).digest('base64'),
    }),
    sendOptions(place),
  );
}

/** Calls `use` with the lines; a file that is cut off or no gzip rejects. */
async function readLines(
  body: Readable,
  use: (lines: AsyncIterable<string>) => Promise<void>,
): Promise<void> {
  try {
    await pipeline(body, createGunzip(), (octets: AsyncIterable<Buffer>) => use(linesOf(octets)));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!code.startsWith('Z_')) throw error;
    throw new IndexFileError(`expected a gzip file, got ${code}`, { cause: error });
  }
}

async function* linesOf(octets: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of octets) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

function isTheirs(line: string, { person, range, prefixes }: EraseScope): boolean {
  if (line === '') return false;
  let row: Partial<IndexLine> | null;
  try {
    row = JSON.parse(line) as Partial<IndexLine> | null;
  } catch (error) {
    throw new IndexFileError('expected a JSON object on each line', { cause: error });
  }
  if (row === null || !Array.isArray(row.recipients)) return false;
  const { object_key: key = '', received_at: receivedAt = '' } = row;
  if (prefixes !== undefined && !prefixes.some((prefix) => key.startsWith(`${prefix}dt=`))) {
    return false;
  }
  const at = new Date(receivedAt);
  if (!Number.isNaN(at.getTime()) && !isWithin(at, range)) return false;
  const parties = partiesOf(row);
  if (rolesOf(person, parties).length === 0) return false;
  return person.keepShared !== true || otherRecipients(person, parties) === 0;
}

function partiesOf(row: Partial<IndexLine>): Parties {
  const { reverse_path: reversePath = '', recipients = [], headers = [] } = row;
  const listed = [row.header_from, row.header_to, row.header_cc].flatMap((list) => list ?? []);
  return {
    reversePath,
    recipients,
    headerAddresses: [
      ...listed.flatMap(parseAddressList).map(({ address }) => address),
      ...headerAddressesOf(headers),
    ],
  };
}
