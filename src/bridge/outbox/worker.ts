// Empties the outbox: publishes what the markers hold, then deletes them. At least once: every task does it,
// and a task may die between the two.
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { classifyAwsError } from '../aws/failures.ts';
import { Deadline } from '../aws/deadline.ts';
import type { AwsFailure, Observe } from '../events.ts';
import type { ObjectStore } from '../store/object-store.ts';
import {
  DEAD_LETTER_PREFIX,
  deadLetterKey,
  markerKey,
  OUTBOX_PREFIX,
} from '../contract/object-key.ts';
import type { OutboxMarker } from './marker.ts';
import type { Publisher } from '../notify/publisher.ts';

export interface OutboxOptions {
  readonly s3: S3Client;
  readonly store: ObjectStore;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly bucket: string;
  readonly observe: Observe;
  /** Markers published in a second at the most. Default 50. */
  readonly perSecond?: number;
  /** Refusals of SNS after which a marker is set aside. Default 5. */
  readonly maxRefusals?: number;
}

/** One marker as the list of the bucket has it. */
export interface OutboxEntry {
  readonly messageId: string;
  readonly key: string;
  readonly writtenAt: Date;
  readonly isPoison: boolean;
}

/** What one pass over the outbox did. */
export interface DrainResult {
  readonly published: number;
  readonly poisoned: number;
  /** Refused this time, to be tried again. */
  readonly refused: number;
  /** Why it stopped before the end, if it did. */
  readonly failure?: AwsFailure;
}

const CALL_MILLIS = 10_000;
/** Published together: one batch. */
const GROUP = 10;

/** The markers, oldest first; poison markers too if asked for. */
export async function* listOutbox(
  { s3, bucket }: Pick<OutboxOptions, 's3' | 'bucket'>,
  includePoison = true,
): AsyncGenerator<OutboxEntry> {
  let token: string | undefined;
  do {
    using deadline = new Deadline(CALL_MILLIS);
    const page = await s3.send(
      new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: OUTBOX_PREFIX,
        ...(!includePoison && { Delimiter: '/' }),
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
        isPoison: Key.startsWith(DEAD_LETTER_PREFIX),
      };
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

/** One pass over all markers. Stops at the first failure that is not a marker's own. */
export async function drainOutbox(
  options: OutboxOptions,
  signal?: AbortSignal,
): Promise<DrainResult> {
  const { observe, perSecond = 50 } = options;
  let published = 0;
  let poisoned = 0;
  let refused = 0;
  let markers = 0;
  let oldest: Date | undefined;
  let group: OutboxEntry[] = [];

  async function publishGroup(): Promise<AwsFailure | undefined> {
    const started = performance.now();
    const outcomes = await Promise.all(group.map((entry) => drainMarker(options, entry)));
    const size = group.length;
    group = [];
    for (const outcome of outcomes) {
      if (outcome === 'published') published += 1;
      else if (outcome === 'poisoned') poisoned += 1;
      else if (outcome === 'refused') refused += 1;
    }
    const failure = outcomes.find((outcome) => typeof outcome === 'object');
    const pause = (size / perSecond) * 1000 - (performance.now() - started);
    if (failure === undefined && pause > 0) {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    return failure;
  }

  let failure: AwsFailure | undefined;
  try {
    for await (const entry of listOutbox(options, false)) {
      if (signal?.aborted === true || failure !== undefined) break;
      markers += 1;
      oldest ??= entry.writtenAt;
      group.push(entry);
      if (group.length === GROUP) failure = await publishGroup();
    }
    if (failure === undefined && signal?.aborted !== true) failure = await publishGroup();
  } catch (error) {
    failure = classifyAwsError('s3', error);
  }
  const done = published + poisoned;
  observe({
    kind: 'outbox-state',
    markers: markers - done,
    oldestSeconds:
      oldest === undefined || markers === done ? 0 : (Date.now() - oldest.getTime()) / 1000,
  });
  if (failure !== undefined) observe({ kind: 'outbox-drain-failed', failure });
  return { published, poisoned, refused, ...(failure && { failure }) };
}

/** Publishes one marker and deletes it. A failure that the next marker would meet too is given back. */
async function drainMarker(
  { s3, store, publisher, bucket, observe, maxRefusals = 5 }: OutboxOptions,
  entry: OutboxEntry,
): Promise<'published' | 'poisoned' | 'refused' | 'gone' | AwsFailure> {
  using deadline = new Deadline(CALL_MILLIS);
  const { signal } = deadline;
  const { messageId } = entry;
  let text: string;
  try {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: entry.key }), {
      abortSignal: signal,
    });
    text = (await Body?.transformToString()) ?? '';
  } catch (error) {
    const failure = classifyAwsError('s3', error);
    // Another task was faster.
    return failure.code === 'NoSuchKey' ? 'gone' : failure;
  }

  const remove = async (): Promise<void> => {
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: entry.key }), {
      abortSignal: signal,
    });
  };
  const rewrite = (key: string, body: string): Promise<void> =>
    store.put({
      key,
      body: [Buffer.from(body)],
      contentType: 'application/json',
      metadata: {},
      signal,
      overwrite: true,
    });
  const setAside = async (failure: AwsFailure, body: string): Promise<'poisoned'> => {
    await rewrite(deadLetterKey(messageId), body);
    await remove();
    observe({ kind: 'outbox-poisoned', messageId, key: entry.key, failure });
    return 'poisoned';
  };

  try {
    const marker = parseMarker(text);
    if (marker === undefined) {
      const message = 'the marker is not the JSON that was written';
      return await setAside(
        { service: 's3', cause: 'corrupted', code: 'BadMarker', message },
        text,
      );
    }
    try {
      await publisher.publish(marker.notification, CALL_MILLIS);
    } catch (error) {
      const failure = classifyAwsError('sns', error);
      if (failure.cause !== 'refused') return failure;
      const body = JSON.stringify({ ...marker, refusals: marker.refusals + 1 });
      if (marker.refusals + 1 >= maxRefusals) return await setAside(failure, body);
      await rewrite(markerKey(messageId), body);
      return 'refused';
    }
    await remove();
    const ageSeconds = Math.max(0, (Date.now() - Date.parse(marker.at)) / 1000);
    observe({ kind: 'outbox-published', messageId, key: marker.key, ageSeconds });
    return 'published';
  } catch (error) {
    return classifyAwsError('s3', error);
  }
}

function parseMarker(text: string): OutboxMarker | undefined {
  try {
    const marker = JSON.parse(text) as Partial<OutboxMarker>;
    const { notification } = marker;
    if (marker.schemaVersion !== 1 || typeof notification?.message !== 'string') return undefined;
    return marker as OutboxMarker;
  } catch {
    return undefined;
  }
}

export interface OutboxDrainer {
  /** A marker was written: look sooner. */
  wake(): void;
  /** Ends the passes; settles when none is under way. */
  close(): Promise<void>;
}

const INTERVAL_MILLIS = 15_000;
const FIRST_BACKOFF_MILLIS = 1000;

/** Passes over the outbox again and again, with jitter, more slowly while SNS or S3 fail. */
export function startOutboxDrainer(
  options: OutboxOptions,
  intervalMillis: number = INTERVAL_MILLIS,
): OutboxDrainer {
  const abort = new AbortController();
  let backoff = Math.min(FIRST_BACKOFF_MILLIS, intervalMillis);
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let dueAt = Infinity;

  function schedule(millis: number): void {
    if (abort.signal.aborted) return;
    // Half to one and a half: tasks that were started together drift apart.
    const delay = millis * (0.5 + Math.random());
    if (performance.now() + delay >= dueAt) return;
    clearTimeout(timer);
    dueAt = performance.now() + delay;
    timer = setTimeout(() => {
      dueAt = Infinity;
      running = pass().finally(() => {
        running = undefined;
      });
    }, delay);
    timer.unref();
  }

  async function pass(): Promise<void> {
    const { failure, refused } = await drainOutbox(options, abort.signal);
    if (failure === undefined && refused === 0) {
      backoff = Math.min(FIRST_BACKOFF_MILLIS, intervalMillis);
      schedule(intervalMillis);
    } else {
      backoff = Math.min(intervalMillis, backoff * 2);
      schedule(backoff);
    }
  }

  schedule(intervalMillis);
  return {
    wake: () => {
      if (running === undefined) schedule(backoff);
    },
    close: async () => {
      abort.abort();
      clearTimeout(timer);
      await running;
    },
  };
}
