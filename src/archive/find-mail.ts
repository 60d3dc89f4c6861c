import {
  isMessageId,
  messageIdMillis,
  NoSuchMailError,
  objectKeyPrefix,
  readMetadata,
} from '../bridge/index.ts';
import type { ListedMail, Place } from './list-mail.ts';
import { parseMailKey } from './received-time.ts';
import type { SelectedMail } from './select-mail.ts';
import { asUnreadable, UnreadableMailError } from './unreadable-mail.ts';

/** No such mail in the archive. */
export class MailNotFoundError extends Error {
  override readonly name = 'MailNotFoundError';
  readonly code = 'MAILSLUICE_ARCHIVED_MAIL_NOT_FOUND';
}

/** Further from the hour than this, an id's time and its partition never are. */
const SKEW_MILLIS = 60_000;

/**
 * Finds a mail by its key, or by its messageId alone: the id's own time tells the partition.
 * @throws MailNotFoundError, and UnreadableMailError where S3 does not say whether it is there.
 */
export async function findMail(
  place: Place,
  prefixes: readonly string[],
  keyOrId: string,
): Promise<ListedMail & { readonly prefix: string }> {
  let unreadable: UnreadableMailError | undefined;
  for (const { key, prefix } of candidates(prefixes, keyOrId)) {
    const mail = parseMailKey(key);
    if (mail === undefined) continue;
    try {
      return { ...mail, prefix, sizeInOctets: (await readMetadata(place, key)).sizeInOctets };
    } catch (error) {
      if (error instanceof NoSuchMailError) continue;
      const known = asUnreadable(error, key);
      if (!(known instanceof UnreadableMailError)) throw error;
      // It may be under another prefix, where it can be read.
      unreadable ??= known;
    }
  }
  if (unreadable !== undefined) throw unreadable;
  throw new MailNotFoundError(
    `no mail "${keyOrId}" in ${place.bucket} under ${prefixes.join(', ')}`,
  );
}

/** Finds mails by key or messageId, in this order. What is not found, or cannot be read, is among them as unreadable. */
export async function* findMails(
  place: Place,
  prefixes: readonly string[],
  mails: readonly string[],
): AsyncGenerator<SelectedMail> {
  for (const keyOrId of mails) {
    try {
      yield await findMail(place, prefixes, keyOrId);
    } catch (error) {
      const unreadable =
        error instanceof MailNotFoundError
          ? new UnreadableMailError('not-found', keyOrId, 'there is no such mail', { cause: error })
          : error;
      if (!(unreadable instanceof UnreadableMailError)) throw error;
      const messageId = keyOrId.slice(keyOrId.lastIndexOf('/') + 1);
      const receivedAt = new Date(isMessageId(messageId) ? messageIdMillis(messageId) : 0);
      yield { key: unreadable.key, messageId, receivedAt, prefix: '', sizeInOctets: 0, unreadable };
    }
  }
}

function candidates(
  prefixes: readonly string[],
  keyOrId: string,
): { readonly key: string; readonly prefix: string }[] {
  if (!isMessageId(keyOrId)) {
    return [{ key: keyOrId, prefix: keyOrId.replace(/dt=[^/]+\/hr=[^/]+\/[^/]+$/, '') }];
  }
  const millis = messageIdMillis(keyOrId);
  return prefixes.flatMap((prefix) => {
    const hours = [0, SKEW_MILLIS, -SKEW_MILLIS].map((skew) =>
      objectKeyPrefix(prefix, new Date(millis + skew)),
    );
    return [...new Set(hours)].map((hour) => ({ key: hour + keyOrId, prefix }));
  });
}
