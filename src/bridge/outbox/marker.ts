// The outbox: a marker in S3 for every notification that SNS has not accepted, so that a 250 can be given and the
// notification cannot be lost. The marker has everything that publishing needs.
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { Deadline } from '../aws/deadline.ts';
import { DEAD_LETTER_PREFIX, markerKey, OUTBOX_PREFIX } from '../contract/object-key.ts';
import type { MessageAttribute, Notification } from '../notify/notification.ts';
import type { ObjectStore } from '../store/object-store.ts';

/**
 * A later release that writes a marker which this one cannot publish writes another number. If such a marker is not
 * JSON, its object says so in the user metadata `schema` or in its Content-Encoding.
 */
export const MARKER_VERSION = 1;

export interface OutboxMarker {
  readonly schemaVersion: typeof MARKER_VERSION;
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

/** An entry with what proves that an answer is its object. */
export interface ListedMarker extends OutboxEntry {
  readonly etag: string;
  readonly octets: number;
}

/** `other-version`: the release that wrote it can read it. `damaged`: this release wrote it, and it is not whole. */
export type ParsedMarker =
  | { readonly kind: 'marker'; readonly marker: OutboxMarker }
  | { readonly kind: 'other-version' }
  | { readonly kind: 'damaged' };

/** For one call of S3 or SNS with its retries. */
export const CALL_MILLIS = 10_000;

/** Settles when the marker is in S3; rejects with the SDK's error. */
export function writeMarker(
  store: ObjectStore,
  marker: OutboxMarker,
  signal: AbortSignal,
): Promise<void> {
  const body = Buffer.from(JSON.stringify(marker));
  return putMarker(store, markerKey(marker.messageId), body, signal, false);
}

/** Writes a marker onto whatever is there. */
export function rewriteMarker(
  store: ObjectStore,
  key: string,
  body: Buffer,
  signal: AbortSignal,
): Promise<void> {
  return putMarker(store, key, body, signal, true);
}

function putMarker(
  store: ObjectStore,
  key: string,
  body: Buffer,
  signal: AbortSignal,
  overwrite: boolean,
): Promise<void> {
  return store.put({
    key,
    body: [body],
    contentType: 'application/json',
    metadata: {},
    signal,
    overwrite,
  });
}

export function parseMarker(text: string): ParsedMarker {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'damaged' };
  }
  const marker = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Partial<OutboxMarker>;
  if (marker.schemaVersion !== MARKER_VERSION) return { kind: 'other-version' };
  if (!isNotification(marker.notification)) return { kind: 'damaged' };
  const { refusals } = marker;
  return {
    kind: 'marker',
    marker: {
      ...(marker as OutboxMarker),
      refusals: Number.isInteger(refusals) ? Number(refusals) : 0,
    },
  };
}

function isNotification(value: Partial<Notification> | undefined): value is Notification {
  return (
    typeof value?.topicArn === 'string' &&
    typeof value.subject === 'string' &&
    typeof value.message === 'string' &&
    typeof value.attributes === 'object' &&
    value.attributes !== null &&
    Object.values(value.attributes).every(isAttribute)
  );
}

function isAttribute(value: Partial<MessageAttribute> | null): boolean {
  return typeof value?.DataType === 'string' && typeof value.StringValue === 'string';
}

export interface MarkerBucket {
  readonly s3: S3Client;
  readonly bucket: string;
}

/** All markers, oldest first, dead letters after the others. Rejects with the SDK's error. */
export async function* listMarkers(
  { s3, bucket }: MarkerBucket,
  includeDeadLetters: boolean,
): AsyncGenerator<ListedMarker> {
  let token: string | undefined;
  do {
    const page = await listPage({ s3, bucket }, includeDeadLetters, token);
    for (const { Key, LastModified, ETag = '', Size = 0 } of page.Contents ?? []) {
      const entry = Key !== undefined && entryOf(Key, LastModified ?? new Date(0));
      if (entry) yield { ...entry, etag: ETag, octets: Size };
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

async function listPage({ s3, bucket }: MarkerBucket, isDeep: boolean, token: string | undefined) {
  using deadline = new Deadline(CALL_MILLIS);
  const page = await s3.send(
    new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: OUTBOX_PREFIX,
      // The listing then has only what is directly under the prefix.
      ...(!isDeep && { Delimiter: '/' }),
      ...(token !== undefined && { ContinuationToken: token }),
    }),
    { abortSignal: deadline.signal },
  );
  requireListing(page.Name, bucket);
  return page;
}

/** The answer proves itself by the name of the bucket, which an access point may give in another form. */
function requireListing(name: string | undefined, bucket: string): void {
  const isAccessPoint = bucket.startsWith('arn:') || bucket.endsWith('-s3alias');
  if (isAccessPoint ? name !== undefined : name === bucket) return;
  const message = `S3 answered with no listing of the bucket ${bucket}`;
  throw Object.assign(new Error(message), { code: 'NotAListing' });
}

function entryOf(key: string, writtenAt: Date): OutboxEntry | undefined {
  const isDeadLetter = key.startsWith(DEAD_LETTER_PREFIX);
  const name = key.slice((isDeadLetter ? DEAD_LETTER_PREFIX : OUTBOX_PREFIX).length);
  // What is in another folder is another release's.
  if (!name.endsWith('.json') || name.includes('/')) return undefined;
  return { messageId: name.slice(0, -'.json'.length), key, writtenAt, isDeadLetter };
}
