// The second half of the promise: the notification is with SNS, or in the outbox.
import { CircuitBreaker } from '../aws/circuit-breaker.ts';
import { Deadline } from '../aws/deadline.ts';
import type { FailureReporter } from '../aws/failures.ts';
import type { AwsFailure, Observe } from '../events.ts';
import { writeMarker } from '../outbox/marker.ts';
import type { OutboxWorker } from '../outbox/worker.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Notification } from './notification.ts';
import { publishReduced } from './publish-reduced.ts';
import type { Publisher } from './publisher.ts';

export interface AnnouncerParts {
  readonly store: ObjectStore;
  readonly publisher: Publisher;
  readonly outbox: Pick<OutboxWorker, 'wake'>;
  readonly failures: FailureReporter;
  /** Of the commit. */
  readonly budgetMillis: number;
  readonly observe: Observe;
}

/** The object of a mail. */
export interface AnnouncedObject {
  readonly messageId: string;
  readonly key: string;
}

/** `outbox`: not announced yet; its marker is in S3. */
export type Announcement =
  | { readonly kind: 'announced'; readonly outbox: boolean }
  | { readonly kind: 'failed'; readonly failure: AwsFailure };

/** The share of the commit's budget that SNS may take before the outbox is used. */
const PUBLISH_SHARE = 0.4;
/** What the outbox may take beyond the budget: 20 s become 28 s, and a commit ends after 30 s. */
const OUTBOX_SHARE = 0.4;

const NOT_TRIED: AwsFailure = {
  service: 'sns',
  cause: 'unavailable',
  code: 'NotTried',
  message: 'SNS has failed several times in a row, so the outbox was used at once',
};

export class Announcer {
  readonly #parts: AnnouncerParts;
  /** An SNS that hangs must not make every mail wait for it: one mail a second tries. */
  readonly #breaker = new CircuitBreaker();

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
  }

  /** Tells the publisher that a notification will follow. Disposed of when it is there, or will never be. */
  expect(): Disposable {
    return this.#parts.publisher.expect();
  }

  /** Announces one object; `until` is the end of the commit's budget. */
  async announce(
    object: AnnouncedObject,
    notification: Notification,
    until: number,
  ): Promise<Announcement> {
    const { messageId } = object;
    const { budgetMillis, observe } = this.#parts;
    const left = Math.max(0, until - performance.now());
    const failure = await this.#publish(
      messageId,
      notification,
      Math.min(left, budgetMillis * PUBLISH_SHARE),
    );
    if (failure === undefined) return { kind: 'announced', outbox: false };
    observe({ kind: 'publish-failed', messageId, failure });
    return this.#writeMarker(object, notification, until);
  }

  /** Gives back the failure, or `undefined` when SNS has accepted it. */
  async #publish(
    messageId: string,
    notification: Notification,
    millis: number,
  ): Promise<AwsFailure | undefined> {
    const { publisher, failures } = this.#parts;
    if (!this.#breaker.admits()) return NOT_TRIED;
    const until = performance.now() + millis;
    try {
      await publisher.publish(notification, millis);
      this.#breaker.record(undefined);
      return undefined;
    } catch (error) {
      const failure = failures.classify('sns', error);
      this.#breaker.record(failure);
      if (failure.cause !== 'refused') return failure;
      return this.#publishReduced(messageId, notification, failure, until);
    }
  }

  /** SNS does not take the notification as it is. Leaves out one thing after the other, the least valuable first. */
  async #publishReduced(
    messageId: string,
    notification: Notification,
    failure: AwsFailure,
    until: number,
  ): Promise<AwsFailure | undefined> {
    const { publisher, failures, observe } = this.#parts;
    const left = await publishReduced(notification, failure, {
      publish: (rest) => publisher.publish(rest, until - performance.now()),
      classify: (error) => failures.classify('sns', error),
      isRefusal: ({ cause }) => cause === 'refused',
      hasTime: () => performance.now() < until,
    });
    if (left === undefined) observe({ kind: 'notification-reduced', messageId, failure });
    return left;
  }

  async #writeMarker(
    { messageId, key }: AnnouncedObject,
    notification: Notification,
    until: number,
  ): Promise<Announcement> {
    const { store, outbox, failures, budgetMillis, observe } = this.#parts;
    const at = new Date().toISOString();
    const marker = { schemaVersion: 1, messageId, key, at, refusals: 0, notification } as const;
    try {
      using deadline = new Deadline(until - performance.now() + budgetMillis * OUTBOX_SHARE);
      await writeMarker(store, marker, deadline.signal);
    } catch (error) {
      return { kind: 'failed', failure: failures.classify('s3', error) };
    }
    outbox.wake();
    observe({ kind: 'outbox-written', messageId, key });
    return { kind: 'announced', outbox: true };
  }
}
