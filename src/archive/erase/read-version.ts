// The record of one version of a mail's object. The bridge reads only the current ones.
import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
} from '@aws-sdk/client-s3';
import { HEADER_SECTION_OCTETS, readHeaderSection } from '../../message/header-section.ts';
import {
  decodeRecord,
  type MailRecord,
  MailRecordError,
} from '../../bridge/contract/mail-record.ts';
import { errorCode, errorFields } from '../../bridge/aws/error-codes.ts';
import { isGone } from './object-failure.ts';
import { isMissingObject, NoSuchMailError } from '../../bridge/index.ts';
import type { Place } from '../list-mail.ts';
import { type ObjectVersion, sendOptions } from './object-versions.ts';
import { type ObjectLock, lockOf } from './object-lock.ts';
import { headerAddressesOf, type Parties } from './person.ts';

/** More than a trace header block can be: four fields of a few clauses, each under 1 KB. */
const TRACE_OCTETS = 32 * 1024;

export interface ReadVersion {
  readonly record: MailRecord;
  readonly parties: Parties;
  readonly lock?: ObjectLock;
  /** The header section was to be read, and could not be. */
  readonly unreadHeader?: unknown;
}

/**
 * Reads the record, and the header section's first 64 KiB where `headers` asks for it.
 * Rejects with `MailRecordError` where Mailsluice did not write the object, and with the SDK's error.
 */
export async function readMailVersion(
  place: Place,
  version: ObjectVersion,
  sidecars: readonly ObjectVersion[],
  headers: boolean,
): Promise<ReadVersion> {
  const { answer, head } = await readHead(place, version, headers);
  const record = await decodeRecord(answer.Metadata ?? {}, () => readSidecar(place, sidecars));
  const parties = partiesOf(record);
  const lock = lockOf(answer);
  if (head === undefined) return { record, parties, lock };
  const { traceHeaderSize } = record.member;
  const section = head.subarray(traceHeaderSize, traceHeaderSize + HEADER_SECTION_OCTETS + 1);
  const { fields } = readHeaderSection(section, section.length <= HEADER_SECTION_OCTETS);
  return { record, lock, parties: { ...parties, headerAddresses: headerAddressesOf(fields) } };
}

/** The record of a mail that is gone, or that was never stored: the sidecar is written first. */
export async function readSidecarRecord(
  place: Place,
  sidecars: readonly ObjectVersion[],
): Promise<ReadVersion> {
  const record = await decodeRecord({ schema: '1', sidecar: '1' }, () =>
    readSidecar(place, sidecars),
  );
  return { record, parties: partiesOf(record) };
}

function partiesOf({ member }: MailRecord): Parties {
  // A sidecar is a file that anybody may have written.
  const { reversePath, recipients } = member?.envelope ?? {};
  if (!Array.isArray(recipients)) throw new MailRecordError('damaged', 'expected an envelope');
  return { reversePath, recipients: recipients.map(({ forwardPath }) => forwardPath) };
}

interface Head {
  readonly answer: HeadObjectCommandOutput | GetObjectCommandOutput;
  readonly head?: Buffer;
}

async function readHead(place: Place, version: ObjectVersion, headers: boolean): Promise<Head> {
  if (!headers) return { answer: await readMetadata(place, version) };
  try {
    const Range = `bytes=0-${TRACE_OCTETS + HEADER_SECTION_OCTETS}`;
    const answer = await getVersion(place, version, Range);
    return { answer, head: Buffer.from((await answer.Body?.transformToByteArray()) ?? []) };
  } catch (error) {
    // An empty object has no range.
    if (errorCode(error) !== 'InvalidRange') throw error;
    return { answer: await headVersion(place, version), head: Buffer.alloc(0) };
  }
}

/** An answer to HEAD has no body, so S3 cannot say why it refuses: of one octet it can. */
async function readMetadata(place: Place, version: ObjectVersion): Promise<Head['answer']> {
  try {
    return await headVersion(place, version);
  } catch (error) {
    const status = errorFields(error).$metadata?.httpStatusCode ?? 0;
    if (isGone(error) || status < 400 || status >= 500) throw error;
    const answer = await getVersion(place, version, 'bytes=0-0');
    await answer.Body?.transformToByteArray();
    return answer;
  }
}

export function headVersion(
  place: Place,
  { key, versionId }: ObjectVersion,
): Promise<HeadObjectCommandOutput> {
  return place.s3.send(
    new HeadObjectCommand({
      Bucket: place.bucket,
      Key: key,
      ...(versionId !== undefined && { VersionId: versionId }),
    }),
    sendOptions(place),
  );
}

export function getVersion(
  place: Place,
  { key, versionId }: ObjectVersion,
  range?: string,
): Promise<GetObjectCommandOutput> {
  return place.s3.send(
    new GetObjectCommand({
      Bucket: place.bucket,
      Key: key,
      ...(versionId !== undefined && { VersionId: versionId }),
      ...(range !== undefined && { Range: range }),
    }),
    sendOptions(place),
  );
}

/** The newest version that is there. */
async function readSidecar(place: Place, sidecars: readonly ObjectVersion[]): Promise<string> {
  for (const version of sidecars) {
    if (version.isDeleteMarker) continue;
    try {
      const { Body } = await getVersion(place, version);
      return (await Body?.transformToString()) ?? '';
    } catch (error) {
      if (!isMissingObject(error)) throw error;
    }
  }
  throw new NoSuchMailError('sidecar', sidecars[0]?.key ?? '');
}
