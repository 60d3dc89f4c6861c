// The objects of the markers: read, deleted, set aside.
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { Deadline } from '../aws/deadline.ts';
import { accessFault, isMissingObject } from '../aws/error-codes.ts';
import { classifyAwsError } from '../aws/failures.ts';
import { deadLetterKey, markerKey } from '../contract/object-key.ts';
import type { AwsFailure } from '../events.ts';
import type { ObjectStore } from '../store/object-store.ts';
import {
  CALL_MILLIS,
  type ListedMarker,
  MARKER_VERSION,
  type MarkerBucket,
  type OutboxEntry,
  type OutboxMarker,
  parseMarker,
  rewriteMarker,
} from './marker.ts';

/** The message of 256 KiB as JSON within JSON, and its attributes: no marker of this release is larger. */
const MAX_MARKER_OCTETS = 1024 * 1024;

/** `gone`: another task was faster. `unreadable`: S3 does not give it, or does not answer. */
export type ReadMarker =
  | { readonly kind: 'marker'; readonly marker: OutboxMarker }
  | { readonly kind: 'damaged'; readonly body: Buffer }
  | { readonly kind: 'other-version' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'unreadable'; readonly failure: AwsFailure };

export interface MarkerObjectsOptions extends MarkerBucket {
  readonly store: ObjectStore;
}

export class MarkerObjects {
  readonly #options: MarkerObjectsOptions;
  #deletesMany = true;

  constructor(options: MarkerObjectsOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async read(entry: ListedMarker): Promise<ReadMarker> {
    if (entry.octets > MAX_MARKER_OCTETS) return { kind: 'other-version' };
    try {
      return await this.#get(entry);
    } catch (error) {
      if (isMissingObject(error)) return { kind: 'gone' };
      try {
        // S3 tells a task that may not list all of the bucket 403 about an object that is gone.
        if (accessFault(error) === 'denied' && !(await this.#isListed(entry))) {
          return { kind: 'gone' };
        }
      } catch (listingError) {
        return { kind: 'unreadable', failure: classifyAwsError('s3', listingError) };
      }
      return { kind: 'unreadable', failure: classifyAwsError('s3', error) };
    }
  }

  async #get({ key, etag, octets }: ListedMarker): Promise<ReadMarker> {
    using deadline = new Deadline(CALL_MILLIS);
    const { s3, bucket } = this.#options;
    const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }), {
      abortSignal: deadline.signal,
    });
    const body = Buffer.from((await object.Body?.transformToByteArray()) ?? []);
    const schema = object.Metadata?.['schema'] ?? String(MARKER_VERSION);
    if (schema !== String(MARKER_VERSION) || (object.ContentEncoding ?? '') !== '') {
      return { kind: 'other-version' };
    }
    const parsed = parseMarker(body.toString());
    if (parsed.kind !== 'damaged') return parsed;
    // Something that is no marker proves nothing about the object, unless it is what was listed.
    if (object.ETag === etag && body.length === octets) return { kind: 'damaged', body };
    const message = `the answer to GetObject of ${key} is not the object that was listed`;
    return {
      kind: 'unreadable',
      failure: { service: 's3', cause: 'unavailable', code: 'NotTheObject', message },
    };
  }

  /** Gives back the failures, by their entries. Never rejects. */
  async remove(entries: readonly OutboxEntry[]): Promise<Map<OutboxEntry, AwsFailure>> {
    if (entries.length > 1 && this.#deletesMany) {
      try {
        return await this.#deleteMany(entries);
      } catch (error) {
        const failure = classifyAwsError('s3', error);
        if (failure.cause === 'unavailable' && failure.code !== 'NotImplemented') {
          return new Map(entries.map((entry) => [entry, failure]));
        }
        // Not every store knows DeleteObjects, or its checksum.
        this.#deletesMany = false;
      }
    }
    const failures = new Map<OutboxEntry, AwsFailure>();
    await Promise.all(
      entries.map((entry) =>
        this.#delete(entry).catch((error: unknown) => {
          failures.set(entry, classifyAwsError('s3', error));
        }),
      ),
    );
    return failures;
  }

  /** Rejects with the SDK's error, or where the answer does not say that the marker is deleted. */
  async #delete({ key }: OutboxEntry): Promise<void> {
    using deadline = new Deadline(CALL_MILLIS);
    const { s3, bucket } = this.#options;
    const { $metadata } = await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }), {
      abortSignal: deadline.signal,
    });
    if ($metadata.httpStatusCode !== 204) {
      throw new Error(`S3 answered ${$metadata.httpStatusCode} to the deletion of ${key}`);
    }
  }

  /** What the answer does not say is deleted has failed. Rejects with the SDK's error. */
  async #deleteMany(entries: readonly OutboxEntry[]): Promise<Map<OutboxEntry, AwsFailure>> {
    using deadline = new Deadline(CALL_MILLIS);
    const { s3, bucket } = this.#options;
    const { Deleted = [], Errors = [] } = await s3.send(
      new DeleteObjectsCommand({
        Bucket: bucket,
        Delete: { Objects: entries.map(({ key }) => ({ Key: key })) },
      }),
      { abortSignal: deadline.signal },
    );
    const deleted = new Set(Deleted.map(({ Key }) => Key));
    const errors = new Map(Errors.map((error) => [error.Key, error]));
    const failures = new Map<OutboxEntry, AwsFailure>();
    for (const entry of entries) {
      const { Code = 'NoResult', Message = 'no result' } = errors.get(entry.key) ?? {};
      if (deleted.has(entry.key)) continue;
      failures.set(entry, classifyAwsError('s3', { name: Code, message: Message }));
    }
    return failures;
  }

  /** Rejects with the SDK's error. */
  async countRefusal({ messageId }: OutboxEntry, marker: OutboxMarker): Promise<void> {
    await this.#put(markerKey(messageId), Buffer.from(JSON.stringify(marker)));
  }

  /** Moves it to the dead letters. Rejects with the SDK's error. */
  async setAside(entry: OutboxEntry, body: Buffer): Promise<void> {
    await this.#put(deadLetterKey(entry.messageId), body);
    await this.#delete(entry);
  }

  async #put(key: string, body: Buffer): Promise<void> {
    using deadline = new Deadline(CALL_MILLIS);
    await rewriteMarker(this.#options.store, key, body, deadline.signal);
  }

  async #isListed({ key }: OutboxEntry): Promise<boolean> {
    using deadline = new Deadline(CALL_MILLIS);
    const { s3, bucket } = this.#options;
    const { Contents = [] } = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: key, MaxKeys: 1 }),
      { abortSignal: deadline.signal },
    );
    return Contents.some(({ Key }) => Key === key);
  }
}
