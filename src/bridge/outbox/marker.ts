// The outbox: a marker in S3 for every notification that SNS has not accepted, so that a 250 can be given and the
// notification cannot be lost. The marker has everything that publishing needs.
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { Deadline } from '../aws/deadline.ts';
import { DEAD_LETTER_PREFIX, markerKey, OUTBOX_PREFIX } from '../contract/object-key.ts';
import type { Notification } from '../notify/notification.ts';
import type { ObjectStore } from '../store/object-store.ts';

export interface OutboxMarker {
  readonly schemaVersion: 1;
  readonly messageId: string;
  /** Of the mail's object. */
  readonly key: string;
  /** When the marker was written: ISO 8601. */
  readonly at: string;
  /** How often SNS has refused the notification for its content. */
  readonly refusals: number;
  readonly notification: Notification;
}

/** One marker as the listing of the bucket shows it. */
export interface OutboxEntry {
  readonly messageId: string;
  readonly key: string;
  readonly writtenAt: Date;
  /** SNS refused it too often. It waits for a person. */
  readonly isDeadLetter: boolean;
}

/** For one call of S3. */
export const CALL_MILLIS = 10_000;

/** Settles when the marker is in S3; rejects with the SDK's error. */
export function writeMarker(
  store: ObjectStore,
  marker: OutboxMarker,
  signal: AbortSignal,
): Promise<void> {
  return putMarker(store, markerKey(marker.messageId), JSON.stringify(marker), signal, false);
}

/** Writes the text of a marker onto whatever is there. */
export function rewriteMarker(
  store: ObjectStore,
  key: string,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  return putMarker(store, key, text, signal, true);
}

function putMarker(
  store: ObjectStore,
  key: string,
  text: string,
  signal: AbortSignal,
  overwrite: boolean,
): Promise<void> {
  const body = [Buffer.from(text)];
  return store.put({
    key,
    body,
    contentType: 'application/json',
    metadata: {},
    signal,
    overwrite,
  });
}

/** `undefined` where the text is not a marker that this release can read. */
export function parseMarker(text: string): OutboxMarker | undefined {
  try {
    const marker = JSON.parse(text) as Partial<OutboxMarker>;
    const { notification } = marker;
    if (marker.schemaVersion !== 1 || typeof notification?.message !== 'string') return undefined;
    return marker as OutboxMarker;
  } catch {
    return undefined;
  }
}

/** All markers, oldest first, dead letters after the others. Rejects with the SDK's error. */
export async function* listMarkers(
  { s3, bucket }: { readonly s3: S3Client; readonly bucket: string },
  includeDeadLetters: boolean,
): AsyncGenerator<OutboxEntry> {
  let token: string | undefined;
  do {
    using deadline = new Deadline(CALL_MILLIS);
    const page = await s3.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: OUTBOX_PREFIX,
        // The listing then stops at the prefix of the dead letters.
        ...(!includeDeadLetters && { Delimiter: '/' }),
        ...(token !== undefined && { ContinuationToken: token }),
      }),
      { abortSignal: deadline.signal },
    );
    for (const { Key, LastModified } of page.Contents ?? []) {
      if (Key?.endsWith('.json') !== true) continue;
      yield {
        messageId: Key.slice(Key.lastIndexOf('/') + 1, -'.json'.length),
        key: Key,
        writtenAt: LastModified ?? new Date(0),
        isDeadLetter: Key.startsWith(DEAD_LETTER_PREFIX),
      };
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}
