// One task flushes the outbox at a time: the one that holds the lease, an object that is written under a condition.
// The lease saves repeated announcements and nothing else: wherever it cannot work, the flush goes on without it.
import { randomUUID } from 'node:crypto';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Deadline } from '../aws/deadline.ts';
import { errorCode } from '../aws/error-codes.ts';
import { classifyAwsError } from '../aws/failures.ts';
import { OUTBOX_LEASE_KEY } from '../contract/object-key.ts';
import type { MarkerBucket } from './marker.ts';

/** A lease that nobody has renewed for so long is free. */
export const LEASE_MILLIS = 15_000;
const RENEW_MILLIS = 4000;
const CALL_MILLIS = 5000;
/** The holder stops so long before another task may begin. */
const MARGIN_MILLIS = 3000;

export interface LeaseTimes {
  readonly leaseMillis: number;
  readonly renewMillis: number;
}

interface Seen {
  readonly etag: string;
  /** Of this task's clock, which only measures how long the lease has not changed: no two clocks are compared. */
  readonly since: number;
}

type Condition = { readonly IfNoneMatch: '*' } | { readonly IfMatch: string };

export class OutboxLease {
  readonly #bucket: MarkerBucket;
  readonly #times: LeaseTimes;
  readonly #holder = randomUUID();
  #seen: Seen | undefined;
  #held: { etag: string; until: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #renewal: Promise<void> | undefined;

  constructor(
    bucket: MarkerBucket,
    times: LeaseTimes = { leaseMillis: LEASE_MILLIS, renewMillis: RENEW_MILLIS },
  ) {
    this.#bucket = bucket;
    this.#times = times;
  }

  /** No other task can have taken it since. */
  get isHeld(): boolean {
    return this.#held !== undefined && performance.now() < this.#held.until;
  }

  /** Gives back whether this task may flush now. Rejects with the SDK's error when S3 does not answer. */
  async acquire(): Promise<boolean> {
    const began = performance.now();
    try {
      this.#hold(await this.#write({ IfNoneMatch: '*' }), began);
      return true;
    } catch (error) {
      if (isTaken(error)) return this.#takeOver(began);
      // No right to write it, or a store without conditions.
      if (classifyAwsError('s3', error).cause === 'unavailable' && !isNotImplemented(error)) {
        throw error;
      }
      this.#hold('', Infinity);
      return true;
    }
  }

  /** Lets the next task begin. Never rejects: the lease runs out by itself. */
  async release(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#renewal;
    clearTimeout(this.#timer);
    // Another task may have taken it: its lease is not ours to delete.
    const isOurs = this.isHeld && this.#held?.etag !== '';
    this.#held = undefined;
    this.#seen = undefined;
    if (!isOurs) return;
    using deadline = new Deadline(CALL_MILLIS);
    const { s3, bucket } = this.#bucket;
    await s3
      .send(new DeleteObjectCommand({ Bucket: bucket, Key: OUTBOX_LEASE_KEY }), {
        abortSignal: deadline.signal,
      })
      .catch(() => undefined);
  }

  /** The lease is another task's, our own after a lost answer, or that of a task that is gone. */
  async #takeOver(began: number): Promise<boolean> {
    const { leaseMillis } = this.#times;
    const lease = await this.#read();
    if (lease?.holder === this.#holder) {
      this.#hold(lease.etag, began);
      return true;
    }
    // Without the right to list, S3 answers 403 for an object that is gone, so that both are `undefined`.
    const etag = lease?.etag ?? '';
    if (this.#seen?.etag !== etag) {
      this.#seen = { etag, since: began };
      return false;
    }
    if (performance.now() - this.#seen.since < leaseMillis) return false;
    this.#seen = undefined;
    if (etag === '') {
      this.#hold('', Infinity);
      return true;
    }
    const written = performance.now();
    try {
      this.#hold(await this.#write({ IfMatch: etag }), written);
      return true;
    } catch (error) {
      if (isTaken(error)) return false;
      if (classifyAwsError('s3', error).cause === 'unavailable' && !isNotImplemented(error)) {
        throw error;
      }
      this.#hold('', Infinity);
      return true;
    }
  }

  #hold(etag: string, since: number): void {
    const { leaseMillis, renewMillis } = this.#times;
    const margin = Math.min(MARGIN_MILLIS, leaseMillis / 5);
    this.#held = { etag, until: since + leaseMillis - margin };
    clearTimeout(this.#timer);
    if (etag === '') return;
    this.#timer = setTimeout(() => {
      this.#renewal = this.#renew();
    }, renewMillis);
    this.#timer.unref();
  }

  /** Keeps the lease; drops it when another task has it. A failure leaves it to run out. */
  async #renew(): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    const began = performance.now();
    try {
      this.#hold(await this.#write({ IfMatch: held.etag }), began);
    } catch (error) {
      const lease = isTaken(error) ? await this.#read().catch(() => undefined) : undefined;
      if (lease?.holder === this.#holder) this.#hold(lease.etag, began);
      else if (isTaken(error)) this.#held = undefined;
      else this.#renewSoon();
    }
  }

  #renewSoon(): void {
    if (!this.isHeld) return;
    this.#timer = setTimeout(() => {
      this.#renewal = this.#renew();
    }, this.#times.renewMillis / 4);
    this.#timer.unref();
  }

  /** Gives back the ETag. The octets are new each time, so that the ETag is. */
  async #write(condition: Condition): Promise<string> {
    using deadline = new Deadline(CALL_MILLIS);
    const { s3, bucket } = this.#bucket;
    const body = JSON.stringify({ holder: this.#holder, renewal: randomUUID() });
    const { ETag } = await s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: OUTBOX_LEASE_KEY,
        Body: body,
        ContentType: 'application/json',
        ...condition,
      }),
      { abortSignal: deadline.signal },
    );
    if (ETag === undefined) throw new Error('S3 answered without the ETag of the lease');
    return ETag;
  }

  /** `undefined` where it is gone, or cannot be read. */
  async #read(): Promise<{ readonly etag: string; readonly holder: unknown } | undefined> {
    using deadline = new Deadline(CALL_MILLIS);
    const { s3, bucket } = this.#bucket;
    try {
      const { Body, ETag } = await s3.send(
        new GetObjectCommand({ Bucket: bucket, Key: OUTBOX_LEASE_KEY }),
        { abortSignal: deadline.signal },
      );
      return ETag === undefined
        ? undefined
        : { etag: ETag, holder: holderOf((await Body?.transformToString()) ?? '') };
    } catch (error) {
      if (classifyAwsError('s3', error).cause === 'unavailable') throw error;
      return undefined;
    }
  }
}

/** The condition did not hold, or another conditional write is in progress. */
function isTaken(error: unknown): boolean {
  const code = errorCode(error);
  return (
    code === 'PreconditionFailed' ||
    code === 'ConditionalRequestConflict' ||
    code === 'OperationAborted' ||
    code === 'NoSuchKey'
  );
}

function isNotImplemented(error: unknown): boolean {
  return errorCode(error) === 'NotImplemented';
}

function holderOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { readonly holder?: unknown } | null)?.holder;
  } catch {
    return undefined;
  }
}
