// What the bucket alone knows of a mail: its record from the metadata or the sidecar, its header section from
// the first octets, and from both the very notification that was published.
import type { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { HEADER_SECTION_OCTETS, readHeaderSection } from '../bridge/header-section.ts';
import { decodeRecord, type MailRecord } from '../bridge/mail-record.ts';
import { buildNotification, type Notification } from '../bridge/notification.ts';
import type { MailsluiceMember } from '../bridge/notification-types.ts';
import { sidecarKey } from '../bridge/object-key.ts';
import type { Place } from './list-mail.ts';

export type { MailRecord } from '../bridge/mail-record.ts';

/** @throws MailRecordError where the object is no mail of ours; the SDK's error where S3 does not answer. */
export async function readRecord(place: Place, key: string): Promise<MailRecord> {
  const { Metadata = {} } = await place.s3.send(
    new HeadObjectCommand({ Bucket: place.bucket, Key: key }),
    abortable(place),
  );
  return decodeRecord(Metadata, () => readText(place, sidecarKey(key)));
}

/** The header section with the trace header block, and the record. */
export interface MailHead {
  readonly record: MailRecord;
  readonly header: ReturnType<typeof readHeaderSection>;
  readonly sizeInOctets: number;
}

/** More than any trace header block of ours. */
const TRACE_HEADER_OCTETS = 16 * 1024;

/** Reads the first octets of a mail. */
export async function readHead(place: Place, key: string): Promise<MailHead> {
  const { Metadata = {}, octets, size } = await readStart(place, key);
  const record = await decodeRecord(Metadata, () => readText(place, sidecarKey(key)));
  // As at the first time: the trace header block whole, then so much of the message.
  const trace = octets.subarray(0, record.member.traceHeaderSize);
  const message = octets.subarray(
    record.member.traceHeaderSize,
    record.member.traceHeaderSize + HEADER_SECTION_OCTETS + 1,
  );
  const isWhole = size - record.member.traceHeaderSize <= HEADER_SECTION_OCTETS;
  const section = readHeaderSection(message, isWhole);
  const { fields } = readHeaderSection(trace, true);
  return {
    record,
    header: { ...section, fields: [...fields, ...section.fields] },
    sizeInOctets: size,
  };
}

/** The notification of a stored mail, octet by octet the first one but for the marks of a replay. */
export async function rebuildNotification(
  place: Place,
  key: string,
  replay?: MailsluiceMember['replay'],
): Promise<Notification> {
  const { record, header } = await readHead(place, key);
  return buildNotification({
    record,
    bucket: place.bucket,
    key,
    header,
    ...(replay && { replay }),
  });
}

/** Opens the mail's octets. Read the stream or destroy it. */
export async function openMail(place: Place, key: string) {
  const {
    Body,
    ContentLength,
    Metadata = {},
  } = await place.s3.send(
    new GetObjectCommand({ Bucket: place.bucket, Key: key }),
    abortable(place),
  );
  if (Body === undefined) throw new Error('GetObject gave no body');
  const record = async (): Promise<MailRecord> =>
    decodeRecord(Metadata, () => readText(place, sidecarKey(key)));
  return { stream: Body as Readable, sizeInOctets: ContentLength ?? 0, record };
}

async function readStart(place: Place, key: string) {
  const wanted = TRACE_HEADER_OCTETS + HEADER_SECTION_OCTETS + 1;
  const target = { Bucket: place.bucket, Key: key };
  try {
    const { Body, Metadata, ContentRange, ContentLength } = await place.s3.send(
      new GetObjectCommand({ ...target, Range: `bytes=0-${wanted - 1}` }),
      abortable(place),
    );
    const octets = Buffer.from((await Body?.transformToByteArray()) ?? []);
    // `bytes 0-81920/123456`
    const size = Number(ContentRange?.split('/')[1] ?? ContentLength ?? octets.length);
    return { Metadata, octets, size };
  } catch (error) {
    // No range of an empty object can be had.
    if (!(error instanceof Error) || error.name !== 'InvalidRange') throw error;
    const { Metadata } = await place.s3.send(new HeadObjectCommand(target), abortable(place));
    return { Metadata, octets: Buffer.alloc(0), size: 0 };
  }
}

async function readText(place: Place, key: string): Promise<string> {
  const { Body } = await place.s3.send(
    new GetObjectCommand({ Bucket: place.bucket, Key: key }),
    abortable(place),
  );
  return (await Body?.transformToString()) ?? '';
}

function abortable({ signal }: Place): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
