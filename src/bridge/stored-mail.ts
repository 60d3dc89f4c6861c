// Reads back what the bridge stored: the record and the notification of a mail, from the bucket alone.
import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { errorCode, isMissingObject } from './aws/error-codes.ts';
import { HEADER_SECTION_OCTETS, readHeaderSection } from '../message/header-section.ts';
import { decodeRecord, type MailRecord } from './contract/mail-record.ts';
import type { MailsluiceMember } from './contract/notification-types.ts';
import { buildNotification, type Notification } from './notify/notification.ts';
import { sidecarKey } from './contract/object-key.ts';

export interface Bucket {
  readonly s3: S3Client;
  readonly bucket: string;
}

/** No object has this key. */
export class NoSuchMailError extends Error {
  override readonly name = 'NoSuchMailError';
  readonly code = 'MAILSLUICE_OBJECT_NOT_FOUND';
}

/**
 * The record of a stored mail: envelope, client, listener, digest. One HEAD, and one GET where the record is in
 * a sidecar. Throws `NoSuchMailError`, `MailRecordError` for an object that Mailsluice did not write, or
 * the SDK's error.
 */
export async function readRecord(from: Bucket, key: string): Promise<MailRecord> {
  const { Metadata = {} } = await found(key, () =>
    from.s3.send(new HeadObjectCommand({ Bucket: from.bucket, Key: key })),
  );
  return decodeRecord(Metadata, () => readSidecar(from, key));
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
  const { Metadata = {}, Body } = await found(key, () => getHead(from, key));
  const head = Buffer.from((await Body?.transformToByteArray()) ?? []);
  const record = await decodeRecord(Metadata, () => readSidecar(from, key));
  const { traceHeaderSize, size, storedSize = size } = record.member;
  const trace = readHeaderSection(head.subarray(0, traceHeaderSize), true);
  const header = readHeaderSection(
    head.subarray(traceHeaderSize, traceHeaderSize + HEADER_SECTION_OCTETS + 1),
    storedSize <= HEADER_SECTION_OCTETS,
  );
  return buildNotification({
    record,
    bucket: from.bucket,
    key,
    header: { ...header, fields: [...trace.fields, ...header.fields] },
    ...(replay && { replay }),
  });
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
  const { Body } = await found(sidecar, () =>
    s3.send(new GetObjectCommand({ Bucket: bucket, Key: sidecar })),
  );
  return (await Body?.transformToString()) ?? '';
}

async function found<T>(key: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (isMissingObject(cause)) {
      throw new NoSuchMailError(`no mail is stored under ${JSON.stringify(key)}`, { cause });
    }
    throw cause;
  }
}
