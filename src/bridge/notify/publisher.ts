// Publishes notifications to SNS, several in one call where several are on their way: a batch of ten costs hardly more
// than one. A notification that is alone waits for nobody, and the result of each entry belongs to its own message.
import type { SNSClient } from '@aws-sdk/client-sns';
import { Deadline } from '../aws/deadline.ts';
import { classifyAwsError } from '../aws/failures.ts';
import { createSdkPublishes, type FailedEntry, type Publishes } from '../aws/publishes.ts';
import type { Observe } from '../events.ts';
import type { Notification } from './notification.ts';

export interface PublisherOptions {
  readonly sns: SNSClient;
  /** How the calls are made. Default: by the SDK's own commands. */
  readonly publishes?: Publishes;
  readonly observe: Observe;
  /** How long the first of a batch waits for others, when others are on their way. Default 4. */
  readonly lingerMillis?: number;
}

/** The limits of SNS for PublishBatch: entries, and the octets of all of them with their attributes. */
const BATCH_ENTRIES = 10;
const BATCH_OCTETS = 256 * 1024;

interface Entry {
  readonly notification: Notification;
  readonly octets: number;
  readonly until: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** SNS refused one entry of a batch. Looks like the error that Publish would have thrown. */
export class PublishEntryError extends Error {
  readonly $metadata: { readonly httpStatusCode: number };

  constructor({ code, message, senderFault }: FailedEntry) {
    super(message);
    this.name = code;
    this.$metadata = { httpStatusCode: senderFault ? 400 : 500 };
  }
}

export class Publisher {
  readonly #publishes: Publishes;
  readonly #observe: Observe;
  readonly #lingerMillis: number;
  /** By topic. An entry waits here for `lingerMillis` at most, so there are no more than commits. */
  readonly #queues = new Map<string, Entry[]>();
  #callsInFlight = 0;
  #expected = 0;
  readonly #expectation: Disposable = { [Symbol.dispose]: () => this.#expectedOneLess() };

  constructor({ sns, publishes, observe, lingerMillis = 4 }: PublisherOptions) {
    this.#publishes = publishes ?? createSdkPublishes(sns);
    this.#observe = observe;
    this.#lingerMillis = lingerMillis;
  }

  /**
   * Announces a notification that will follow soon, so that others wait for it. Disposed of when the notification is
   * there, or never will be.
   */
  expect(): Disposable {
    this.#expected += 1;
    return this.#expectation;
  }

  /** Settles when SNS has accepted it; rejects with the SDK's error, within `millis`. */
  publish(notification: Notification, millis: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const until = performance.now() + millis;
      this.#enqueue({ notification, octets: octetsOf(notification), until, resolve, reject });
    });
  }

  #enqueue(entry: Entry): void {
    const { topicArn } = entry.notification;
    const queue = this.#queues.get(topicArn);
    if (queue !== undefined) {
      const octets = queue.reduce((sum, each) => sum + each.octets, entry.octets);
      if (octets > BATCH_OCTETS) this.#sendQueue(topicArn);
      else {
        queue.push(entry);
        if (queue.length === BATCH_ENTRIES || this.#isAlone) this.#sendQueue(topicArn);
        return;
      }
    }
    if (this.#isAlone) {
      this.#send([entry]);
      return;
    }
    const begun = [entry];
    this.#queues.set(topicArn, begun);
    setTimeout(() => {
      if (this.#queues.get(topicArn) === begun) this.#sendQueue(topicArn);
    }, this.#lingerMillis);
  }

  /** There is nothing to wait for: no call is in flight, and no notification is expected. */
  get #isAlone(): boolean {
    return this.#callsInFlight === 0 && this.#expected === 0;
  }

  #expectedOneLess(): void {
    this.#expected -= 1;
    // What was expected is most often published in this very turn.
    if (this.#expected === 0) queueMicrotask(this.#sendAllIfAlone);
  }

  /** An entry that waited only for what is there now waits no longer. */
  readonly #sendAllIfAlone = (): void => {
    if (this.#isAlone) for (const topicArn of this.#queues.keys()) this.#sendQueue(topicArn);
  };

  #sendQueue(topicArn: string): void {
    const queue = this.#queues.get(topicArn);
    this.#queues.delete(topicArn);
    if (queue !== undefined) this.#send(queue);
  }

  #send(entries: readonly Entry[]): void {
    const [only] = entries;
    if (only === undefined) return;
    this.#callsInFlight += 1;
    void (entries.length === 1 ? this.#publishOne(only) : this.#publishBatch(entries)).finally(
      () => {
        this.#callsInFlight -= 1;
        this.#sendAllIfAlone();
      },
    );
  }

  async #publishOne({ notification, until, resolve, reject }: Entry): Promise<void> {
    const began = performance.now();
    using deadline = new Deadline(until - began);
    try {
      const { attempts } = await this.#publishes.publish([notification], deadline.signal);
      this.#reportCall('Publish', began, 1, attempts);
      resolve();
    } catch (error) {
      reject(error);
    }
  }

  async #publishBatch(entries: readonly Entry[]): Promise<void> {
    const began = performance.now();
    let again: readonly Entry[];
    {
      using deadline = new Deadline(Math.min(...entries.map(({ until }) => until)) - began);
      try {
        const notifications = entries.map(({ notification }) => notification);
        const { failed, attempts } = await this.#publishes.publish(notifications, deadline.signal);
        this.#reportCall('PublishBatch', began, entries.length, attempts);
        again = answerEntries(entries, failed);
      } catch (error) {
        // Ten more calls would not help an SNS that is down, nor a topic that is gone; each message has the outbox.
        const { cause } = classifyAwsError('sns', error);
        if (cause === 'unavailable' || cause === 'configuration') {
          for (const entry of entries) entry.reject(error);
          return;
        }
        // Any other error of the batch says nothing about its entries: each is tried on its own.
        again = entries;
      }
    }
    await Promise.all(again.map((entry) => this.#publishOne(entry)));
  }

  #reportCall(operation: string, began: number, entries: number, attempts: number): void {
    if (attempts > 1) {
      this.#observe({ kind: 'aws-retry', service: 'sns', operation, retries: attempts - 1 });
    }
    const millis = performance.now() - began;
    this.#observe({ kind: 'aws-call', service: 'sns', operation, millis, entries });
  }
}

/** Answers each entry by its own result; gives back those that are worth a try of their own. */
function answerEntries(entries: readonly Entry[], failed: readonly FailedEntry[]): Entry[] {
  const byPlace = new Map(failed.map((each) => [each.place, each]));
  return entries.filter(({ resolve, reject }, place) => {
    const failure = byPlace.get(place);
    if (failure === undefined) resolve();
    else if (failure.senderFault) reject(new PublishEntryError(failure));
    // Throttled or broken for this entry alone, or missing in the answer.
    else return true;
    return false;
  });
}

function octetsOf({ subject, message, attributes }: Notification): number {
  let octets = Buffer.byteLength(message) + subject.length;
  for (const [name, { DataType, StringValue }] of Object.entries(attributes)) {
    octets += name.length + DataType.length + Buffer.byteLength(StringValue);
  }
  return octets;
}
