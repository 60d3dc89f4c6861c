// Notifications to SNS, several in one call where several are on their way: a batch of ten costs hardly more
// than one. Nobody waits who is alone, and each entry's own result is its own message's.
import type { SNSClient } from '@aws-sdk/client-sns';
import { classifyAwsError } from '../aws/failures.ts';
import { Deadline } from '../aws/deadline.ts';
import type { Observe } from '../events.ts';
import type { Notification } from './notification.ts';
import { createSdkPublishes, type FailedEntry, type Publishes } from '../aws/publishes.ts';

/** Puts notifications on their topics. */
export interface Publisher {
  /** Says that a notification will come soon, so that others wait for it; disposed of when it is there or never will be. */
  expect(): Disposable;
  /** Settles when SNS has accepted it; rejects with the SDK's error, within `millis`. */
  publish(notification: Notification, millis: number): Promise<void>;
}

export interface PublisherOptions {
  readonly sns: SNSClient;
  /** How the calls are made. Default: by the SDK's own commands. */
  readonly publishes?: Publishes;
  readonly observe: Observe;
  /** How long the first of a batch waits for others, when others are on their way. Default 4. */
  readonly lingerMillis?: number;
}

/** SNS's limits for PublishBatch: entries, and octets of all of them with their attributes. */
const BATCH_ENTRIES = 10;
const BATCH_OCTETS = 256 * 1024;

interface Entry {
  readonly notification: Notification;
  readonly octets: number;
  readonly until: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** SNS refused one entry of a batch; looks like the error that Publish would have thrown. */
export class PublishEntryError extends Error {
  readonly $metadata: { readonly httpStatusCode: number };

  constructor({ code, message, senderFault }: FailedEntry) {
    super(message);
    this.name = code;
    this.$metadata = { httpStatusCode: senderFault ? 400 : 500 };
  }
}

export function createPublisher(options: PublisherOptions): Publisher {
  const { sns, publishes = createSdkPublishes(sns), observe, lingerMillis = 4 } = options;
  /** By topic. A message waits here for `lingerMillis` at the most, so there are no more than commits. */
  const queues = new Map<string, Entry[]>();
  let inFlight = 0;
  let expected = 0;

  function enqueue(entry: Entry): void {
    const { topicArn } = entry.notification;
    const queue = queues.get(topicArn);
    if (queue !== undefined) {
      const octets = queue.reduce((sum, each) => sum + each.octets, entry.octets);
      if (octets > BATCH_OCTETS) flush(topicArn);
      else {
        queue.push(entry);
        if (queue.length === BATCH_ENTRIES || isAlone()) flush(topicArn);
        return;
      }
    }
    if (isAlone()) {
      send([entry]);
      return;
    }
    const started = [entry];
    queues.set(topicArn, started);
    setTimeout(() => {
      if (queues.get(topicArn) === started) flush(topicArn);
    }, lingerMillis);
  }

  /** Nobody is there to wait for. */
  function isAlone(): boolean {
    return inFlight === 0 && expected === 0;
  }

  /** Who waited only for what has come now waits no longer. */
  function flushIfAlone(): void {
    if (isAlone()) for (const topicArn of queues.keys()) flush(topicArn);
  }

  const arrived = (): void => {
    expected -= 1;
    // What was expected is most often published in this very turn.
    if (expected === 0) queueMicrotask(flushIfAlone);
  };

  function flush(topicArn: string): void {
    const queue = queues.get(topicArn);
    queues.delete(topicArn);
    if (queue !== undefined) send(queue);
  }

  function send(entries: readonly Entry[]): void {
    const [only] = entries;
    if (only === undefined) return;
    inFlight += 1;
    void (entries.length === 1 ? publishOne(only) : publishBatch(entries)).finally(() => {
      inFlight -= 1;
      flushIfAlone();
    });
  }

  async function publishOne({ notification, until, resolve, reject }: Entry): Promise<void> {
    const started = performance.now();
    using deadline = new Deadline(until - started);
    try {
      const { attempts } = await publishes.publish([notification], deadline.signal);
      called('Publish', started, 1, attempts);
      resolve();
    } catch (error) {
      reject(error);
    }
  }

  async function publishBatch(entries: readonly Entry[]): Promise<void> {
    const started = performance.now();
    let again: readonly Entry[];
    {
      using deadline = new Deadline(Math.min(...entries.map(({ until }) => until)) - started);
      try {
        const notifications = entries.map(({ notification }) => notification);
        const { failed, attempts } = await publishes.publish(notifications, deadline.signal);
        called('PublishBatch', started, entries.length, attempts);
        again = settleEntries(entries, failed);
      } catch (error) {
        // Ten calls more would not help an SNS that is down; each message has the outbox.
        if (classifyAwsError('sns', error).cause === 'unavailable') {
          for (const entry of entries) entry.reject(error);
          return;
        }
        // Any other error of the batch says nothing of its entries: each is tried on its own.
        again = entries;
      }
    }
    await Promise.all(again.map(publishOne));
  }

  function called(operation: string, started: number, entries: number, attempts: number): void {
    if (attempts > 1) {
      observe({ kind: 'aws-retry', service: 'sns', operation, retries: attempts - 1 });
    }
    const millis = performance.now() - started;
    observe({ kind: 'aws-call', service: 'sns', operation, millis, entries });
  }

  return {
    expect: () => {
      expected += 1;
      return { [Symbol.dispose]: arrived };
    },
    publish: (notification, millis) =>
      new Promise((resolve, reject) => {
        const until = performance.now() + millis;
        enqueue({ notification, octets: octetsOf(notification), until, resolve, reject });
      }),
  };
}

/** Settles each entry by its own result; gives back those that are worth a try of their own. */
function settleEntries(entries: readonly Entry[], failed: readonly FailedEntry[]): Entry[] {
  const byPlace = new Map(failed.map((each) => [each.place, each]));
  return entries.filter(({ resolve, reject }, place) => {
    const failure = byPlace.get(place);
    if (failure === undefined) resolve();
    else if (failure.senderFault) reject(new PublishEntryError(failure));
    // Throttled or broken for this entry alone, or not spoken of at all.
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
