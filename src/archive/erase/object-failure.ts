// What is wrong with one version of an object, in the words that every command has for it.
import { errorCode } from '../../bridge/aws/error-codes.ts';
import { isMissingObject, NoSuchMailError } from '../../bridge/index.ts';
import { asUnreadable, UnreadableMailError } from '../unreadable-mail.ts';

/** There is nothing under the key, or no such version, any more. */
export function isGone(error: unknown): boolean {
  if (error instanceof NoSuchMailError) return error.missing === 'mail';
  return isMissingObject(error) || errorCode(error) === 'NoSuchVersion';
}

/** `undefined` for an error that does not concern the object alone: the network, the credentials, the bucket. */
export function failureOfObject(error: unknown, key: string): string | undefined {
  if (errorCode(error) === 'InvalidObjectState') {
    return 'is in cold storage; bring it back with mailsluice archive verify --restore, then run the same command again';
  }
  const known = asUnreadable(error, key);
  return known instanceof UnreadableMailError ? known.message : undefined;
}
