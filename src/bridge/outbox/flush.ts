// One pass over the outbox: publishes what the markers hold, then deletes them. At least once: every task does it, and
// a task may die between the two.
import { DeleteObjectCommand, GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Deadline } from '../aws/deadline.ts';
import { isMissingObject } from '../aws/error-codes.ts';
import { classifyAwsError } from '../aws/failures.ts';
import { deadLetterKey, markerKey } from '../contract/object-key.ts';
import type { AwsFailure, Observe } from '../events.ts';
import type { Publisher } from '../notify/publisher.ts';
import type { ObjectStore } from '../store/object-store.ts';
import {
  CALL_MILLIS,
  listMarkers,
  type OutboxEntry,
  type OutboxMarker,
  parseMarker,
  rewriteMarker,
} from './marker.ts';

export interface OutboxOptions {
  readonly s3: S3Client;
  readonly store: ObjectStore;
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly bucket: string;
  readonly observe: Observe;
  /** Markers published in a second at most. Default 50. */
  readonly perSecond?: number;
  /** Refusals of SNS after which a marker becomes a dead letter. Default 5. */
  readonly maxRefusals?: number;
}

export interface FlushResult {
  readonly published: number;
  readonly deadLetters: number;
  /** Refused this time, to be tried again. */
  readonly refused: number;
  /** Why the pass stopped before the end, if it did. */
  readonly failure?: AwsFailure;
}

/** Published together: one batch. */
const GROUP = 10;

/** The outcome of one marker. `gone`: another task was faster. */
type MarkerOutcome = 'published' | 'dead-letter' | 'refused' | 'gone';

/** One pass over all markers. */
export class OutboxFlush {
  readonly #options: OutboxOptions;
  readonly #counts = { published: 0, 'dead-letter': 0, refused: 0, gone: 0 };
  #markers = 0;
  #oldest: Date | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Stops at the first failure that every marker would meet, and when `signal` aborts. Never rejects. */
  async run(signal?: AbortSignal): Promise<FlushResult> {
    const { observe } = this.#options;
    let failure: AwsFailure | undefined;
    try {
      failure = await this.#publishAll(signal);
    } catch (error) {
      failure = classifyAwsError('s3', error);
    }
    const { published, 'dead-letter': deadLetters, refused } = this.#counts;
    const markers = this.#markers - published - deadLetters;
    const oldestSeconds =
      this.#oldest === undefined || markers === 0
        ? 0
        : (Date.now() - this.#oldest.getTime()) / 1000;
    observe({ kind: 'outbox-state', markers, oldestSeconds });
    if (failure !== undefined) observe({ kind: 'outbox-drain-failed', failure });
    return { published, deadLetters, refused, ...(failure && { failure }) };
  }

  async #publishAll(signal: AbortSignal | undefined): Promise<AwsFailure | undefined> {
    let group: OutboxEntry[] = [];
    for await (const entry of listMarkers(this.#options, false)) {
      if (signal?.aborted === true) return undefined;
      this.#markers += 1;
      this.#oldest ??= entry.writtenAt;
      group.push(entry);
      if (group.length < GROUP) continue;
      const failure = await this.#publishGroup(group);
      if (failure !== undefined) return failure;
      group = [];
    }
    return signal?.aborted === true ? undefined : this.#publishGroup(group);
  }

  /** Publishes the markers together, then pauses for the rate. */
  async #publishGroup(group: readonly OutboxEntry[]): Promise<AwsFailure | undefined> {
    const { perSecond = 50 } = this.#options;
    const began = performance.now();
    const outcomes = await Promise.all(group.map((entry) => this.#publishMarker(entry)));
    let failure: AwsFailure | undefined;
    for (const outcome of outcomes) {
      if (typeof outcome === 'object') failure ??= outcome;
      else this.#counts[outcome] += 1;
    }
    const pause = (group.length / perSecond) * 1000 - (performance.now() - began);
    if (failure === undefined && pause > 0) {
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    return failure;
  }

  /** Publishes one marker and deletes it. Gives back a failure that the next marker would meet too. */
  async #publishMarker(entry: OutboxEntry): Promise<MarkerOutcome | AwsFailure> {
    using deadline = new Deadline(CALL_MILLIS);
    const { signal } = deadline;
    try {
      const text = await this.#read(entry, signal);
      if (text === undefined) return 'gone';
      const marker = parseMarker(text);
      if (marker !== undefined) return await this.#publishNotification(entry, marker, signal);
      const message = 'the marker is not the JSON that was written';
      const failure = { service: 's3', cause: 'corrupted', code: 'BadMarker', message } as const;
      return await this.#moveToDeadLetters(entry, failure, text, signal);
    } catch (error) {
      return classifyAwsError('s3', error);
    }
  }

  async #publishNotification(
    entry: OutboxEntry,
    marker: OutboxMarker,
    signal: AbortSignal,
  ): Promise<MarkerOutcome | AwsFailure> {
    const { publisher, store, observe, maxRefusals = 5 } = this.#options;
    const { messageId } = entry;
    try {
      await publisher.publish(marker.notification, CALL_MILLIS);
    } catch (error) {
      const failure = classifyAwsError('sns', error);
      if (failure.cause !== 'refused') return failure;
      const refusals = marker.refusals + 1;
      const text = JSON.stringify({ ...marker, refusals });
      if (refusals >= maxRefusals) {
        return await this.#moveToDeadLetters(entry, failure, text, signal);
      }
      await rewriteMarker(store, markerKey(messageId), text, signal);
      return 'refused';
    }
    await this.#remove(entry, signal);
    const ageSeconds = Math.max(0, (Date.now() - Date.parse(marker.at)) / 1000);
    observe({ kind: 'outbox-published', messageId, key: marker.key, ageSeconds });
    return 'published';
  }

  async #moveToDeadLetters(
    entry: OutboxEntry,
    failure: AwsFailure,
    text: string,
    signal: AbortSignal,
  ): Promise<'dead-letter'> {
    const { store, observe } = this.#options;
    const { messageId, key } = entry;
    await rewriteMarker(store, deadLetterKey(messageId), text, signal);
    await this.#remove(entry, signal);
    observe({ kind: 'outbox-poisoned', messageId, key, failure });
    return 'dead-letter';
  }

  /** `undefined` where the marker is gone. */
  async #read({ key }: OutboxEntry, signal: AbortSignal): Promise<string | undefined> {
    const { s3, bucket } = this.#options;
    try {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }), {
        abortSignal: signal,
      });
      return (await Body?.transformToString()) ?? '';
    } catch (error) {
      if (isMissingObject(error)) return undefined;
      throw error;
    }
  }

  async #remove({ key }: OutboxEntry, signal: AbortSignal): Promise<void> {
    const { s3, bucket } = this.#options;
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal });
  }
}
