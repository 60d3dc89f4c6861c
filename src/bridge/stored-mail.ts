// Reads back what the bridge stored: the record and the notification of a mail, from the bucket alone.
import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { errorCode, errorFields, isMissingObject } from './aws/error-codes.ts';
import {
  HEADER_SECTION_OCTETS,
  type HeaderSection,
  readHeaderSection,
} from '../message/header-section.ts';
import { decodeRecord, type MailRecord } from './contract/mail-record.ts';
import type { MailsluiceMember } from './contract/notification-types.ts';
import { buildNotification, type Notification } from './notify/notification.ts';
import { sidecarKey } from './contract/object-key.ts';

export interface Bucket {
  readonly s3: S3Client;
  readonly bucket: string;
}

/** There is no object of this key. `missing`: the mail itself, or only the sidecar with its record. */
export class NoSuchMailError extends Error {
  override readonly name = 'NoSuchMailError';
  readonly code = 'MAILSLUICE_OBJECT_NOT_FOUND';
  readonly missing: 'mail' | 'sidecar';

  constructor(missing: NoSuchMailError['missing'], key: string, options?: ErrorOptions) {
    const what = missing === 'mail' ? 'mail' : 'record of a mail';
    super(`no ${what} is stored under ${JSON.stringify(key)}`, options);
    this.missing = missing;
  }
}

/**
 * The record of a stored mail: envelope, client, listener, digest. One HEAD, and one GET where the record is in
 * a sidecar. Throws `NoSuchMailError`, `MailRecordError` for an object that Mailsluice did not write or that is damaged,
 * or the SDK's error, with the code of S3.
 */
export async function readRecord(from: Bucket, key: string): Promise<MailRecord> {
  const { metadata } = await readMetadata(from, key);
  return recordOf(from, key, metadata);
}

/** The record from the metadata that S3 answered for `key`. Throws as `readRecord` does. */
export function recordOf(
  from: Bucket,
  key: string,
  metadata: Readonly<Record<string, string>>,
): Promise<MailRecord> {
  return decodeRecord(metadata, () => readSidecar(from, key));
}

export interface ObjectMetadata {
  readonly metadata: Readonly<Record<string, string>>;
  readonly sizeInOctets: number;
}

/** One HEAD. Throws `NoSuchMailError`, or the SDK's error, with the code of S3. */
export async function readMetadata(from: Bucket, key: string): Promise<ObjectMetadata> {
  const answer = await found('mail', key, () => getMetadata(from, key));
  return { metadata: answer.Metadata ?? {}, sizeInOctets: sizeOf(answer) };
}

/** An answer to HEAD has no body, so S3 cannot say why it refuses: of one octet it can. */
async function getMetadata({ s3, bucket }: Bucket, key: string): Promise<AnsweredObject> {
  const object = { Bucket: bucket, Key: key };
  try {
    return await s3.send(new HeadObjectCommand(object));
  } catch (error) {
    const status = errorFields(error).$metadata?.httpStatusCode ?? 0;
    if (isMissingObject(error) || status < 400 || status >= 500) throw error;
    const answer = await s3.send(new GetObjectCommand({ ...object, Range: 'bytes=0-0' }));
    await answer.Body?.transformToByteArray();
    return answer;
  }
}

type AnsweredObject = Pick<GetObjectCommandOutput, 'Metadata' | 'ContentRange' | 'ContentLength'>;

/** What a notification, an index or a search needs of a mail: its record and the header section, in one GET. */
export interface MailHead {
  readonly record: MailRecord;
  /** The trace header block, and the header section as far as it is read. */
  readonly header: HeaderSection;
  /** Of the whole object. */
  readonly sizeInOctets: number;
}

/** Reads the beginning of a mail. Throws as `readRecord` does. */
export async function readHead(from: Bucket, key: string): Promise<MailHead> {
  const answer = await found('mail', key, () => getHead(from, key));
  const { Metadata = {}, Body } = answer;
  const head = Buffer.from((await Body?.transformToByteArray()) ?? []);
  const record = await recordOf(from, key, Metadata);
  const { traceHeaderSize, size, storedSize = size } = record.member;
  const trace = readHeaderSection(head.subarray(0, traceHeaderSize), true);
  const header = readHeaderSection(
    head.subarray(traceHeaderSize, traceHeaderSize + HEADER_SECTION_OCTETS + 1),
    storedSize <= HEADER_SECTION_OCTETS,
  );
  return {
    record,
    header: { ...header, fields: [...trace.fields, ...header.fields] },
    sizeInOctets: sizeOf(answer),
  };
}

/** `bytes 0-98303/123456`: of an answer to a range, the length is that of the range. */
function sizeOf({ ContentRange = '', ContentLength = 0 }: AnsweredObject): number {
  const [, size] = /\/(\d+)$/.exec(ContentRange) ?? [];
  return size === undefined ? ContentLength : Number(size);
}

/**
 * The same notification that was published for the mail, octet by octet, except for the replay marks where `replay`
 * is given. Throws as `readRecord` does.
 */
export async function rebuildNotification(
  from: Bucket,
  key: string,
  replay?: MailsluiceMember['replay'],
): Promise<Notification> {
  return notificationOf(from, key, await readHead(from, key), replay);
}

/** The notification of a mail whose beginning was read. */
export function notificationOf(
  { bucket }: Bucket,
  key: string,
  { record, header }: MailHead,
  replay?: MailsluiceMember['replay'],
): Notification {
  return buildNotification({ record, bucket, key, header, ...(replay && { replay }) });
}

/** More than a trace header block can be: four fields of a few clauses, each under 1 KB. */
const TRACE_OCTETS = 32 * 1024;

/** The trace header block, and as much behind it as is read of a header section. */
async function getHead({ s3, bucket }: Bucket, key: string): Promise<GetObjectCommandOutput> {
  const object = { Bucket: bucket, Key: key };
  try {
    const Range = `bytes=0-${TRACE_OCTETS + HEADER_SECTION_OCTETS}`;
    return await s3.send(new GetObjectCommand({ ...object, Range }));
  } catch (error) {
    // An empty object has no range: it is an empty mail without trace headers.
    if (errorCode(error) !== 'InvalidRange') throw error;
    return s3.send(new GetObjectCommand(object));
  }
}

async function readSidecar({ s3, bucket }: Bucket, key: string): Promise<string> {
  const sidecar = sidecarKey(key);
  const { Body } = await found('sidecar', sidecar, () =>
    s3.send(new GetObjectCommand({ Bucket: bucket, Key: sidecar })),
  );
  return (await Body?.transformToString()) ?? '';
}

async function found<T>(
  missing: NoSuchMailError['missing'],
  key: string,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (isMissingObject(cause)) throw new NoSuchMailError(missing, key, { cause });
    throw cause;
  }
}
