// Markers as a bridge writes them, put into the outbox by hand: good ones, and every kind of bad one.
import { GetObjectCommand, NoSuchKey, PutObjectCommand } from '@aws-sdk/client-s3';
import { messageId as newMessageId } from '../../src/bridge/contract/message-id.ts';
import { DEAD_LETTER_PREFIX, markerKey } from '../../src/bridge/contract/object-key.ts';
import type { AwsProcess } from '../support/aws-process.ts';
import { type MarkerInput, markerOf } from '../support/outbox-marker.ts';

const WRITERS = 16;
const DAY = 86_400_000;

export interface Marker {
  readonly messageId: string;
  readonly body: string;
}

/** One that cannot be published. */
export interface BadMarker extends Marker {
  readonly kind: string;
  /** Nothing of it may change: it is another version's. */
  readonly isForeign: boolean;
}

/** One that waits for nothing but SNS. About as large as that of a short mail. */
export function goodMarker(input: MarkerInput): Marker {
  const marker = markerOf({ octets: 2000, ...input });
  return { messageId: marker.messageId, body: JSON.stringify(marker) };
}

/**
 * `count` of each kind, written before all others, so that they stand at the head of the outbox. The fault proxy
 * forbids topics whose name says so.
 */
export function badMarkers(topicArn: string, count: number): BadMarker[] {
  const before = (days: number): Date => new Date(Date.now() - days * DAY);
  const kinds: readonly [string, () => Marker & { readonly isForeign?: true }][] = [
    ['a topic that is gone', () => goodMarker({ topicArn: `${topicArn}-gone`, at: before(9) })],
    ['a forbidden topic', () => goodMarker({ topicArn: `${topicArn}-forbidden`, at: before(8) })],
    [
      'not JSON',
      () => ({ messageId: newMessageId(before(7)), body: '{"schemaVersion":1,"messageId":"01k' }),
    ],
    [
      'an unknown version',
      () => {
        const marker = markerOf({ topicArn, at: before(6), octets: 2000 });
        const body = JSON.stringify({ ...marker, schemaVersion: 99 });
        return { messageId: marker.messageId, body, isForeign: true };
      },
    ],
    ['too large', () => goodMarker({ topicArn, at: before(5), octets: 300_000 })],
    ['a year old', () => goodMarker({ topicArn, at: before(365) })],
    [
      'no object',
      () => {
        const marker = markerOf({ topicArn, at: before(4), octets: 2000 });
        return {
          messageId: marker.messageId,
          body: JSON.stringify({ ...marker, key: `mail/none/${marker.messageId}` }),
        };
      },
    ],
  ];
  return kinds.flatMap(([kind, make]) =>
    Array.from({ length: count }, () => ({ kind, isForeign: false, ...make() })),
  );
}

export async function writeMarkers(
  { s3, resources }: AwsProcess,
  markers: readonly Marker[],
): Promise<void> {
  let next = 0;
  const write = async (): Promise<void> => {
    for (let marker = markers[next++]; marker !== undefined; marker = markers[next++]) {
      await s3.send(
        new PutObjectCommand({
          Bucket: resources.bucket,
          Key: markerKey(marker.messageId),
          Body: marker.body,
          ContentType: 'application/json',
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
}

/** Where a marker is now, with its text; `undefined` where it is no more. */
export async function findMarker(
  { s3, resources }: AwsProcess,
  messageId: string,
): Promise<{ readonly isSetAside: boolean; readonly body: string } | undefined> {
  for (const isSetAside of [false, true]) {
    const Key = isSetAside ? `${DEAD_LETTER_PREFIX}${messageId}.json` : markerKey(messageId);
    try {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: resources.bucket, Key }));
      return { isSetAside, body: (await Body?.transformToString()) ?? '' };
    } catch (error) {
      if (!(error instanceof NoSuchKey)) throw error;
    }
  }
  return undefined;
}
