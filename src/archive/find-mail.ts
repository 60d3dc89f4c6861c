import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { isMessageId, isMissingObject, messageIdMillis, objectKeyPrefix } from '../bridge/index.ts';
import type { ListedMail, Place } from './list-mail.ts';
import { parseMailKey } from './received-time.ts';

/** No such mail in the archive. */
export class MailNotFoundError extends Error {
  override readonly name = 'MailNotFoundError';
  readonly code = 'MAILSLUICE_ARCHIVED_MAIL_NOT_FOUND';
}

/** Further from the hour than this, an id's time and its partition never are. */
const SKEW_MILLIS = 60_000;

/**
 * Finds a mail by its key, or by its messageId alone: the id's own time tells the partition.
 * @throws MailNotFoundError
 */
export async function findMail(
  place: Place,
  prefixes: readonly string[],
  keyOrId: string,
): Promise<ListedMail & { readonly prefix: string }> {
  for (const { key, prefix } of candidates(prefixes, keyOrId)) {
    const mail = parseMailKey(key);
    if (mail === undefined) continue;
    try {
      const { ContentLength = 0 } = await place.s3.send(
        new HeadObjectCommand({ Bucket: place.bucket, Key: key }),
      );
      return { ...mail, prefix, sizeInOctets: ContentLength };
    } catch (error) {
      if (!isMissingObject(error)) throw error;
    }
  }
  throw new MailNotFoundError(
    `no mail "${keyOrId}" in ${place.bucket} under ${prefixes.join(', ')}`,
  );
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
