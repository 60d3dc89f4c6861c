// Whether stored mail is what was received: each object is read whole, and compared with its record.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { decodeRecord } from '../bridge/contract/mail-record.ts';
import { isMissingObject, type MailRecord, objectKeyPrefix, sidecarKey } from '../bridge/index.ts';
import { failureOfObject, isGone } from './erase/object-failure.ts';
import { mapInOrder } from './in-order.ts';
import type { Place } from './list-mail.ts';
import { createParseProbe, type ParseProbe } from './parse-probe.ts';

export type VerifyFault =
  /** The object is not what its record says. */
  | 'mismatch'
  /** The object or its record is gone. */
  | 'missing'
  /** S3 does not give it, or its record cannot be read. */
  | 'unreadable'
  /** It exceeds a limit of the parser that subscribers use. */
  | 'unparsable';

export interface VerifyOutcome {
  readonly key: string;
  /** Absent where the mail is as it was received. */
  readonly fault?: VerifyFault;
  /** What was expected and what is there. */
  readonly reason?: string;
  /** Octets of the object that were read. */
  readonly octets: number;
}

export interface VerifyOptions {
  /** Objects read at once. Default 16; with `parse` 4, since a parser holds the text of its message. */
  readonly concurrency?: number;
  /** Also parse each message, as a subscriber would. Default false. */
  readonly parse?: boolean;
}

/** Reads the mails and gives an outcome for each, in their order. Rejects with what does not concern one mail. */
export function verifyMails(
  place: Place,
  mails: AsyncIterable<{ readonly key: string }>,
  { parse = false, concurrency = parse ? 4 : 16 }: VerifyOptions = {},
): AsyncGenerator<VerifyOutcome> {
  return mapInOrder(mails, concurrency, ({ key }) => verifyMail(place, key, parse));
}

/** An answer that broke off is asked for again: the SDK does that only before its body. */
const TRIES = 3;
const RETRY_MILLIS = 500;

async function verifyMail(place: Place, key: string, parse: boolean): Promise<VerifyOutcome> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await verifyOnce(place, key, parse);
    } catch (error) {
      if (error instanceof MismatchError) {
        return { key, fault: 'mismatch', reason: error.message, octets: error.octets };
      }
      if (error instanceof BrokenOffError) {
        if (tries < TRIES) {
          await sleep(RETRY_MILLIS * tries);
          continue;
        }
        return { key, fault: 'unreadable', reason: error.message, octets: 0 };
      }
      const reason = failureOfObject(error);
      if (reason === undefined) throw error;
      return { key, fault: isGone(error) ? 'missing' : 'unreadable', reason, octets: 0 };
    }
  }
}

class MismatchError extends Error {
  readonly octets: number;

  constructor(message: string, octets = 0) {
    super(message);
    this.octets = octets;
  }
}

class BrokenOffError extends Error {}
class SidecarMissingError extends Error {}

async function verifyOnce(place: Place, key: string, parse: boolean): Promise<VerifyOutcome> {
  const { Body, Metadata = {}, ContentLength = 0 } = await get(place, key);
  const stream = Body as Readable;
  try {
    const record = await decodeRecord(Metadata, () => readSidecar(place, key));
    requireSamePlace(key, record);
    requireSameDigest(Metadata, record);
    const { traceHeaderSize, size, storedSize = size } = record.member;
    const expected = traceHeaderSize + storedSize;
    if (ContentLength !== expected) {
      throw new MismatchError(`expected ${expected} octets by the record, got ${ContentLength}`);
    }
    const probe = parse ? await createParseProbe() : undefined;
    const read = await readContent(stream, traceHeaderSize, probe);
    requireSameContent(key, record, read);
    const unparsable = await probe?.end();
    return {
      key,
      octets: read.octets,
      ...(unparsable !== undefined && { fault: 'unparsable' as const, reason: unparsable }),
    };
  } catch (error) {
    if (error instanceof SidecarMissingError) {
      return { key, fault: 'missing', reason: error.message, octets: 0 };
    }
    throw error;
  } finally {
    stream.destroy();
  }
}

function get({ s3, bucket, signal }: Place, key: string) {
  return s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }), {
    ...(signal && { abortSignal: signal }),
  });
}

async function readSidecar(place: Place, key: string): Promise<string> {
  try {
    const { Body } = await get(place, sidecarKey(key));
    return (await Body?.transformToString()) ?? '';
  } catch (error) {
    if (!isMissingObject(error)) throw error;
    throw new SidecarMissingError(
      `its record is gone (${sidecarKey(key)}): bring it back from an older version or a backup`,
    );
  }
}

interface ReadContent {
  readonly octets: number;
  /** Of what follows the trace header block, in hexadecimal. */
  readonly sha256: string;
  readonly trace: Buffer;
}

async function readContent(
  stream: Readable,
  traceOctets: number,
  probe: ParseProbe | undefined,
): Promise<ReadContent> {
  const hash = createHash('sha256');
  const trace: Buffer[] = [];
  let octets = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const left = Math.max(0, traceOctets - octets);
      if (left > 0) trace.push(chunk.subarray(0, left));
      hash.update(chunk.subarray(left));
      octets += chunk.length;
      await probe?.write(chunk);
    }
  } catch (error) {
    const { message } = error as Error;
    // The SDK compares what it reads with the checksum that S3 keeps.
    if (/checksum mismatch/i.test(message)) {
      throw new MismatchError('the octets do not have the checksum that S3 keeps of them', octets);
    }
    throw new BrokenOffError(`the answer of S3 broke off: run the same command again`, {
      cause: error,
    });
  }
  return { octets, sha256: hash.digest('hex'), trace: Buffer.concat(trace) };
}

function requireSameContent(key: string, { member }: MailRecord, read: ReadContent): void {
  const { traceHeaderSize, size, storedSize = size, sha256, storedSha256 = sha256 } = member;
  const expected = traceHeaderSize + storedSize;
  if (read.octets !== expected) {
    throw new BrokenOffError(
      `the answer of S3 broke off after ${read.octets} of ${expected} octets`,
    );
  }
  if (read.sha256 !== storedSha256) {
    throw new MismatchError(
      `expected SHA-256 ${storedSha256} of what follows the trace header block, got ${read.sha256}`,
      read.octets,
    );
  }
  // The digest does not cover the trace header block, which names the mail.
  const messageId = key.slice(key.lastIndexOf('/') + 1);
  if (traceHeaderSize > 0 && !read.trace.includes(messageId)) {
    throw new MismatchError(
      `expected ${messageId} in the trace header block: the object is another mail's`,
      read.octets,
    );
  }
}

/** The key has the hour of the record. */
function requireSamePlace(key: string, { receivedAt }: MailRecord): void {
  const at = new Date(receivedAt);
  const hour = Number.isNaN(at.getTime()) ? receivedAt : objectKeyPrefix('', at);
  if (key.slice(0, key.lastIndexOf('/') + 1).endsWith(hour)) return;
  throw new MismatchError(`expected it under ${hour} by the record`);
}

/** Where the record is in a sidecar, the object has the digest too, if it was small enough to be known in time. */
function requireSameDigest(
  { sha256 }: Readonly<Record<string, string>>,
  { member }: MailRecord,
): void {
  if (sha256 === undefined || sha256 === member.sha256) return;
  throw new MismatchError(
    `expected SHA-256 ${sha256} in the record by the metadata, got ${member.sha256}`,
  );
}
