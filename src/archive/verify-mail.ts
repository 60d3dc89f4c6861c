// Whether stored mail is what was received: each object is read whole, and compared with its record.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type MailRecord, objectKeyPrefix } from '../bridge/index.ts';
import { mapInOrder } from './in-order.ts';
import type { Place } from './list-mail.ts';
import { openObject } from './open-mail.ts';
import { createParseProbe, type ParseProbe } from './parse-probe.ts';
import { type MailFault, reading, tryTwice, UnreadableMailError } from './unreadable-mail.ts';

export interface VerifyOutcome {
  readonly key: string;
  /**
   * `mismatch`: the object is not what its record says. `missing`: the object or its record is gone. `unreadable`: S3 does
   * not give it, or its record cannot be read. `unparsable`: it exceeds a limit of the parser that subscribers use.
   */
  readonly result: 'verified' | 'mismatch' | 'missing' | 'unreadable' | 'unparsable';
  /** Of a mail that is missing or unreadable. */
  readonly fault?: MailFault;
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

/** A mail, or why it was not found. */
export interface MailToVerify {
  readonly key: string;
  readonly unreadable?: UnreadableMailError;
}

const MISSING: ReadonlySet<MailFault> = new Set(['not-found', 'gone', 'sidecar-missing']);

/** Reads the mails and gives an outcome for each, in their order. Rejects with what does not concern one mail. */
export function verifyMails(
  place: Place,
  mails: AsyncIterable<MailToVerify>,
  { parse = false, concurrency = parse ? 4 : 16 }: VerifyOptions = {},
): AsyncGenerator<VerifyOutcome> {
  return mapInOrder(mails, concurrency, async ({ key, unreadable }) => {
    try {
      // What could not be read for the selection has the same reason here.
      if (unreadable !== undefined) throw unreadable;
      return await tryTwice(() => reading(place, key, () => verifyMail(place, key, parse)));
    } catch (error) {
      if (!(error instanceof UnreadableMailError)) throw error;
      const { fault, message: reason } = error;
      const result = MISSING.has(fault) ? 'missing' : 'unreadable';
      return { key, result, fault, reason, octets: 0 };
    }
  });
}

async function verifyMail(place: Place, key: string, parse: boolean): Promise<VerifyOutcome> {
  const object = await openObject(place, key);
  try {
    const record = await object.record();
    const probe = parse ? await createParseProbe() : undefined;
    const read = await readContent(object.stream, record.member.traceHeaderSize, probe);
    const { octets } = read;
    const difference = placeDifference(key, record) ?? contentDifference(key, record, read);
    if (difference !== undefined) return { key, result: 'mismatch', reason: difference, octets };
    const reason = await probe?.end();
    if (reason !== undefined) return { key, result: 'unparsable', reason, octets };
    return { key, result: 'verified', octets };
  } finally {
    object.stream.destroy();
  }
}

interface ReadContent {
  readonly octets: number;
  /** Of what follows the trace header block, in hexadecimal. */
  readonly sha256: string;
  readonly trace: Buffer;
  /** S3 keeps a checksum of the object, and the octets do not have it. */
  readonly isCorrupt: boolean;
}

async function readContent(
  stream: Readable,
  traceOctets: number,
  probe: ParseProbe | undefined,
): Promise<ReadContent> {
  const hash = createHash('sha256');
  const trace: Buffer[] = [];
  let octets = 0;
  let isCorrupt = false;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const left = Math.max(0, traceOctets - octets);
      if (left > 0) trace.push(chunk.subarray(0, left));
      hash.update(chunk.subarray(left));
      octets += chunk.length;
      await probe?.write(chunk);
    }
  } catch (error) {
    if (!isChecksumMismatch(error)) throw error;
    isCorrupt = true;
  }
  return { octets, sha256: hash.digest('hex'), trace: Buffer.concat(trace), isCorrupt };
}

/** The SDK compares what it reads with the checksum that S3 keeps, and has no name for that error. */
function isChecksumMismatch(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return /checksum mismatch/i.test(error.message) || isChecksumMismatch(error.cause);
}

function contentDifference(
  key: string,
  { member }: MailRecord,
  read: ReadContent,
): string | undefined {
  if (read.isCorrupt) return 'the octets do not have the checksum that S3 keeps of them';
  const { traceHeaderSize, size, storedSize = size, sha256, storedSha256 = sha256 } = member;
  const expected = traceHeaderSize + storedSize;
  if (read.octets !== expected) {
    return `expected ${expected} octets by the record, got ${read.octets}`;
  }
  if (read.sha256 !== storedSha256) {
    return `expected SHA-256 ${storedSha256} of what follows the trace header block, got ${read.sha256}`;
  }
  // The digest does not cover the trace header block, which names the mail.
  const messageId = key.slice(key.lastIndexOf('/') + 1);
  if (traceHeaderSize > 0 && !read.trace.includes(messageId)) {
    return `expected ${messageId} in the trace header block: the object is another mail's`;
  }
  return undefined;
}

/** The key has the hour of the record. */
function placeDifference(key: string, { receivedAt }: MailRecord): string | undefined {
  const hour = objectKeyPrefix('', new Date(receivedAt));
  const end = key.lastIndexOf('/') + 1;
  const isSame = key.slice(end - hour.length, end) === hour;
  return isSame ? undefined : `expected it under ${hour} by the record`;
}
