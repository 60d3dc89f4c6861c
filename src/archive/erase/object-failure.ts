// What is wrong with one object, in a sentence that says what to do about it.
import { errorCode } from '../../bridge/aws/error-codes.ts';
import {
  accessFault,
  isMissingObject,
  MailRecordError,
  NoSuchMailError,
} from '../../bridge/index.ts';

/** There is nothing under the key, or no such version, any more. */
export function isGone(error: unknown): boolean {
  return (
    error instanceof NoSuchMailError ||
    isMissingObject(error) ||
    errorCode(error) === 'NoSuchVersion'
  );
}

/** `undefined` for an error that does not concern the object alone: the network, the credentials, the bucket. */
export function failureOfObject(error: unknown): string | undefined {
  if (error instanceof MailRecordError) {
    return `not a mail that this release can read: ${error.message}`;
  }
  if (isGone(error)) return 'it is gone: it expired or was deleted';
  const code = errorCode(error);
  if (code === 'InvalidObjectState') {
    return 'it is in cold storage (S3 Glacier): restore it with aws s3api restore-object, then run the same command again';
  }
  if (code.startsWith('KMS')) {
    return `its key cannot be used (${code}): enable the key in AWS KMS, then run the same command again`;
  }
  if (accessFault(error) !== 'denied') return undefined;
  const message = error instanceof Error ? error.message : '';
  return /kms/i.test(message)
    ? 'access denied by AWS KMS: reading it requires kms:Decrypt on the key of the bucket'
    : 'access denied: reading it requires s3:GetObject, s3:GetObjectVersion in a bucket that keeps versions, and kms:Decrypt on its key';
}
