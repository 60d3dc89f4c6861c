// The outbox: a marker in S3 for every notification that SNS would not take, so that a 250 can be given and
// the notification cannot be lost. The marker holds all that publishing needs.
import { markerKey } from '../contract/object-key.ts';
import type { Notification } from '../notify/notification.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** What a marker says. */
export interface OutboxMarker {
  readonly schemaVersion: 1;
  readonly messageId: string;
  /** Of the mail's object. */
  readonly key: string;
  /** When the marker was written: ISO 8601. */
  readonly at: string;
  /** How often SNS has refused it for what it is. */
  readonly refusals: number;
  readonly notification: Notification;
}

/** Settles when the marker is in S3; rejects with the SDK's error. */
export async function writeMarker(
  store: ObjectStore,
  marker: OutboxMarker,
  signal: AbortSignal,
): Promise<void> {
  await store.put({
    key: markerKey(marker.messageId),
    body: [Buffer.from(JSON.stringify(marker))],
    contentType: 'application/json',
    metadata: {},
    signal,
  });
}
