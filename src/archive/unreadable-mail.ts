// What can be wrong with one object of the archive while all others can be read. Every command names such a mail,
// counts it and goes on. An error of the service, of the bucket or of the credentials is left as it is, and ends the
// command.
import { type MailRecord, MailRecordError, NoSuchMailError } from '../bridge/index.ts';
import type { Place } from './list-mail.ts';
import { restoreMail } from './restore-mail.ts';
import {
  accessFault,
  errorCode,
  errorFields,
  errorMessage,
  isMisconfiguration,
  isMissingObject,
  isThrottling,
} from '../bridge/aws/error-codes.ts';

export type MailFault =
  /** No mail has this messageId or key. */
  | 'not-found'
  /** Deleted or expired since it was listed. */
  | 'gone'
  /** The object has no record of Mailsluice. */
  | 'foreign'
  /** A later version of Mailsluice wrote its record. */
  | 'later-version'
  /** Its record is not whole. */
  | 'damaged'
  /** Its record is in a sidecar object, which does not exist. */
  | 'sidecar-missing'
  /** In cold storage: it has to be restored first. */
  | 'cold'
  /** In cold storage, and S3 was asked to bring it back. */
  | 'restoring'
  /** The credentials have no right to this object. */
  | 'denied'
  /** They have no right to use the key that encrypts it. */
  | 'key-denied'
  /** The key that encrypts it is disabled, deleted, or not S3's to use. */
  | 'key-unusable'
  /** Its octets are not as many as its record says, or the answer ended too early. */
  | 'incomplete'
  /** S3 refuses it for another reason. */
  | 'refused';

/** One mail that cannot be read. The message says why, and then what to do about it. */
export class UnreadableMailError extends Error {
  override readonly name = 'UnreadableMailError';
  readonly code = 'MAILSLUICE_ARCHIVED_MAIL_UNREADABLE';
  readonly fault: MailFault;
  readonly key: string;

  constructor(fault: MailFault, key: string, reason: string, options?: ErrorOptions) {
    super(`${reason}; ${ADVICE[fault]}`.replace(/[\s\p{Cc}]+/gu, ' '), options);
    this.fault = fault;
    this.key = key;
  }
}

const ADVICE: Readonly<Record<MailFault, string>> = {
  'not-found': 'check the id, --bucket and --prefix',
  gone: 'nothing to do if that was intended; otherwise check the lifecycle rules of the bucket and who may delete',
  foreign: 'Mailsluice did not write it: move it to another prefix',
  'later-version': 'use the version of Mailsluice that wrote it, or a later one',
  damaged: 'copy the object again with its metadata, from a version of it or a backup',
  'sidecar-missing':
    'restore the object whose key ends in .envelope.json, from a version of it or a backup',
  cold: 'run the command with --restore, and again when S3 has brought it back',
  restoring: 'run the same command again then',
  denied:
    'allow s3:GetObject on it: see the policies of these credentials, of the bucket and of the organization',
  'key-denied':
    'allow kms:Decrypt on its key: see the policies of these credentials and of the key',
  'key-unusable': 'enable its key, or cancel the deletion of the key',
  incomplete: 'run the command again; if it stays, bring back an earlier version of the object',
  refused: 'look at the object with aws s3api head-object',
};

/** The mail is about this one object: its error becomes an `UnreadableMailError`; any other error is returned as it is. */
export function asUnreadable(error: unknown, key: string): unknown {
  if (error instanceof UnreadableMailError) return error;
  const known = faultOf(error);
  if (known === undefined) return error;
  return new UnreadableMailError(known.fault, key, known.reason, { cause: error });
}

/**
 * Runs what reads one mail; an error that concerns only this mail is thrown as an `UnreadableMailError`. Where the place says
 * so, S3 is asked to bring back a mail that is in cold storage.
 */
export async function reading<T>(place: Place, key: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const known = asUnreadable(error, key);
    if (place.restore === undefined || !(known instanceof UnreadableMailError)) throw known;
    if (known.fault !== 'cold') throw known;
    const expected = await restoreMail(place, key, place.restore);
    const reason = `${coldReason(error)}; ${expected}`;
    throw new UnreadableMailError('restoring', key, reason, { cause: error });
  }
}

/** The SDK tries a request again, but not an answer whose connection ended in its body. */
export async function tryTwice<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof UnreadableMailError && error.fault === 'incomplete')) throw error;
    return action();
  }
}

/** @throws UnreadableMailError where the object has another size than its record says. */
export function requireSize(key: string, sizeInOctets: number, { member }: MailRecord): void {
  const expected = member.traceHeaderSize + (member.storedSize ?? member.size);
  if (sizeInOctets === expected) return;
  const reason = `has ${sizeInOctets} octets, its record says ${expected}`;
  throw new UnreadableMailError('incomplete', key, reason);
}

interface KnownFault {
  readonly fault: MailFault;
  readonly reason: string;
}

const RECORD_REASONS = {
  foreign: 'has no record of Mailsluice',
  'later-version': 'its record is of a later version',
  damaged: 'its record is damaged',
} as const satisfies Record<MailRecordError['reason'], string>;

function faultOf(error: unknown): KnownFault | undefined {
  if (error instanceof MailRecordError) {
    const { reason, message } = error;
    return { fault: reason, reason: `${RECORD_REASONS[reason]} (${message})` };
  }
  if (error instanceof NoSuchMailError && error.missing === 'sidecar') {
    return { fault: 'sidecar-missing', reason: 'the object with its record does not exist' };
  }
  if (error instanceof NoSuchMailError || isMissingObject(error)) {
    return { fault: 'gone', reason: 'does not exist any more' };
  }
  if (isCutAnswer(error))
    return { fault: 'incomplete', reason: 'the answer of S3 ended too early' };
  return refusalOf(error);
}

/** The connection ended within the body of an answer. Of a request without an answer, the SDK adds `$metadata`. */
function isCutAnswer(error: unknown): boolean {
  return CUT_CODES.has(errorCode(error)) && errorFields(error).$metadata === undefined;
}

const CUT_CODES: ReadonlySet<string> = new Set(['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE']);

/** What S3 answers for one object while it serves others. */
function refusalOf(error: unknown): KnownFault | undefined {
  const code = errorCode(error);
  const status = errorFields(error).$metadata?.httpStatusCode ?? 0;
  const said = errorMessage(error).slice(0, REASON_CHARACTERS);
  if (code === 'InvalidObjectState') return { fault: 'cold', reason: coldReason(error) };
  if (accessFault(error) === 'denied') {
    return /\bkms:/i.test(said)
      ? { fault: 'key-denied', reason: `AWS denies the use of its key (${code}: ${said})` }
      : { fault: 'denied', reason: `S3 denies it (${code})` };
  }
  if (isThrottling(code) || status < 400 || status >= 500 || status === 429) return undefined;
  if (code.startsWith('KMS')) {
    return { fault: 'key-unusable', reason: `its key cannot be used (${code}: ${said})` };
  }
  if (isMisconfiguration(error) || SERVICE_CODES.has(code)) return undefined;
  return { fault: 'refused', reason: `S3 refuses it (${code}: ${said})` };
}

const REASON_CHARACTERS = 300;
/** 4xx that speak of the request or of its time, and not of the object. */
const SERVICE_CODES: ReadonlySet<string> = new Set([
  'RequestTimeout',
  'SlowDown',
  'TooManyRequests',
]);

function coldReason(error: unknown): string {
  const { StorageClass, AccessTier } = error as {
    readonly StorageClass?: string;
    readonly AccessTier?: string;
  };
  const place = [StorageClass, AccessTier].filter((name) => name !== undefined).join(', ');
  return `is in cold storage${place === '' ? '' : ` (${place})`}`;
}
