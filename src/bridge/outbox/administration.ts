// The outbox for a command line: list it, flush it now.
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SNSClient } from '@aws-sdk/client-sns';
import { createSdkPuts } from '../aws/object-puts.ts';
import type { Observe } from '../events.ts';
import { ObjectStore } from '../store/object-store.ts';
import { type FlushResult, OutboxFlush } from './flush.ts';
import { LEASE_MILLIS } from './lease.ts';
import { type ListedMarker, listMarkers, type OutboxEntry } from './marker.ts';
import { MarkerObjects } from './marker-objects.ts';

export interface OutboxCommandOptions {
  readonly s3: S3Client;
  readonly bucket: string;
  /** Only the markers of this topic, which have to be read for it. */
  readonly topicArn?: string;
}

/** Markers that are read at once. */
const READERS = 16;

/** All markers, oldest first, dead letters after the others. Rejects with the SDK's error. */
export async function* listOutbox(options: OutboxCommandOptions): AsyncGenerator<OutboxEntry> {
  const { topicArn } = options;
  if (topicArn === undefined) {
    for await (const marker of listMarkers(options, true)) yield entryOf(marker);
    return;
  }
  const { s3, bucket } = options;
  const objects = new MarkerObjects({ s3, bucket, store: storeOf(options, () => undefined) });
  const isOfTopic = async (marker: ListedMarker): Promise<boolean> => {
    const read = await objects.read(marker);
    return read.kind === 'marker' && read.marker.notification.topicArn === topicArn;
  };
  let group: ListedMarker[] = [];
  const matching = async (): Promise<OutboxEntry[]> => {
    const matches = await Promise.all(group.map(isOfTopic));
    const entries = group.filter((_, index) => matches[index] === true).map(entryOf);
    group = [];
    return entries;
  };
  for await (const marker of listMarkers(options, true)) {
    group.push(marker);
    if (group.length === READERS) yield* await matching();
  }
  yield* await matching();
}

export interface FlushOptions extends OutboxCommandOptions {
  readonly sns: SNSClient;
  /** Takes an event for each marker that was published or became a dead letter. */
  readonly observe?: Observe;
  /** Publish to this topic, whatever the markers say: for notifications of a topic that is gone. */
  readonly toTopicArn?: string;
  /** How long to wait for a running service that is flushing the outbox. Default 60. */
  readonly waitSeconds?: number;
  /** Called once when it waits. */
  readonly onWait?: () => void;
  readonly signal?: AbortSignal;
}

/** More than a lease whose task is gone. */
const WAIT_SECONDS = 60;
/** Often enough to come between two passes of a running service. */
const POLL_MILLIS = Math.min(500, LEASE_MILLIS);

/**
 * One pass over all markers. `failure` says why it stopped before the end, if it did; `isBusy` that a running service
 * was at it all the time.
 */
export async function flushOutbox(options: FlushOptions): Promise<FlushResult> {
  const { s3, sns, bucket, observe = () => undefined, topicArn, toTopicArn, signal } = options;
  const { waitSeconds = WAIT_SECONDS, onWait } = options;
  const flush = new OutboxFlush({
    ...{ s3, sns, bucket, observe, topicArn, toTopicArn },
    store: storeOf(options, observe),
  });
  const until = performance.now() + waitSeconds * 1000;
  let result = await flush.run(signal);
  if (result.isBusy) onWait?.();
  while (result.isBusy && performance.now() < until && signal?.aborted !== true) {
    await sleep(POLL_MILLIS);
    const next = await flush.run(signal);
    result = {
      ...next,
      published: result.published + next.published,
      deadLetters: result.deadLetters + next.deadLetters,
      refused: result.refused + next.refused,
    };
  }
  return result;
}

function storeOf({ s3, bucket }: OutboxCommandOptions, observe: Observe): ObjectStore {
  return new ObjectStore(s3, createSdkPuts(s3), bucket, observe);
}

function entryOf({ messageId, key, writtenAt, isDeadLetter }: ListedMarker): OutboxEntry {
  return { messageId, key, writtenAt, isDeadLetter };
}
