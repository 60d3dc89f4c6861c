// Turns mail into an object in S3 and a notification on SNS. This file puts the parts together; `committer.ts` keeps
// the promise.
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import type { OpenMessage, OpenMessageAnswer, Reply } from '../smtp/index.ts';
import { CircuitBreaker } from './aws/circuit-breaker.ts';
import { Deadline } from './aws/deadline.ts';
import { FailureReporter } from './aws/failures.ts';
import { provesListing } from './aws/object-proofs.ts';
import { createSdkPuts, type ObjectPuts } from './aws/object-puts.ts';
import { proven } from './aws/proof.ts';
import { createSdkPublishes, type Publishes } from './aws/publishes.ts';
import { createSignedPublishes } from './aws/signed-publishes.ts';
import { createSignedPuts } from './aws/signed-puts.ts';
import { Committer } from './committer.ts';
import { OUTBOX_PREFIX } from './contract/object-key.ts';
import { Deferrals } from './deferrals.ts';
import { DuplicateGuard } from './duplicate-guard.ts';
import type { Observe } from './events.ts';
import { Memory } from './intake/memory.ts';
import { OpenMessages } from './intake/open-messages.ts';
import { S3Writer } from './intake/s3-writer.ts';
import type { S3WriterParts } from './intake/s3-writer-parts.ts';
import { Announcer } from './notify/announcer.ts';
import { Publisher } from './notify/publisher.ts';
import type { BridgeOptions } from './options.ts';
import { OutboxWorker } from './outbox/worker.ts';
import { type PlanPlacements, planPlacements } from './placements.ts';
import { OVERLOADED } from './replies.ts';
import { ObjectStore } from './store/object-store.ts';
import { PlacementUploads } from './store/placement-uploads.ts';

const DEFAULT_MEMORY_OCTETS = 256 * 1024 * 1024;
const PROBE_MILLIS = 2000;

export function createBridge(options: BridgeOptions): Bridge {
  const { s3, sns, bucket, topicArn, hostname, duplicates, limits = {} } = options;
  const { prefix = 'mail/', routes, mailboxOf, destinationOf, traceHeaders = true } = options;
  const observe = safeObserver(options.observe);
  const budgetMillis = (limits.commitSeconds ?? 20) * 1000;
  const totalMillis = (limits.commitTotalSeconds ?? 90) * 1000;
  const plan: PlanPlacements = (facts) =>
    planPlacements(facts, { prefix, topicArn, routes, mailboxOf, destinationOf });

  const isSdkOnly = options.requests === 'sdk';
  const puts = isSdkOnly ? createSdkPuts(s3) : createSignedPuts(s3, bucket, observe);
  const publishes = isSdkOnly
    ? createSdkPublishes(sns)
    : createSignedPublishes(sns, topicArn, observe);
  const store = new ObjectStore(s3, puts, bucket, observe);
  const publisher = new Publisher({ sns, publishes, observe });
  const failures = new FailureReporter(observe);
  const breaker = new CircuitBreaker({
    probe: () => probe(s3, bucket),
    onOpened: (failure) => observe({ kind: 'breaker-opened', failure }),
    onClosed: (openSeconds) => observe({ kind: 'breaker-closed', openSeconds }),
  });
  const outbox = new OutboxWorker(
    { s3, sns, store, bucket, observe },
    (options.outboxSeconds ?? 15) * 1000,
  );
  const deferrals = new Deferrals(observe, failures, breaker);
  const committer = new Committer({
    store,
    announcer: new Announcer({ store, publisher, outbox, failures, budgetMillis, observe }),
    guard: duplicates && new DuplicateGuard(duplicates, failures, observe),
    deferrals,
    failures,
    breaker,
    planPlacements: plan,
    bucket,
    hostname,
    traceHeaders,
    quarantineTopicOf: options.quarantineTopicOf,
    budgetMillis,
    totalMillis,
    observe,
  });
  const writerParts: S3WriterParts = {
    memory: new Memory(limits.memory ?? DEFAULT_MEMORY_OCTETS),
    clientOf: options.clientOf ?? ((address) => address),
    uploads: new PlacementUploads(store, plan),
    committer,
    deferrals,
    openMessages: new OpenMessages(),
    judge: options.judge,
    judgeMillis: (limits.judgeSeconds ?? limits.commitSeconds ?? 20) * 1000,
    observe,
    hostname,
    memoryWaitMillis: (limits.memoryWaitSeconds ?? 90) * 1000,
    partMillis: budgetMillis,
    partTotalMillis: totalMillis,
  };
  return new Bridge({ writerParts, breaker, store, outbox, puts, publishes });
}

interface BridgeParts {
  readonly writerParts: S3WriterParts;
  readonly breaker: CircuitBreaker;
  readonly store: ObjectStore;
  readonly outbox: OutboxWorker;
  readonly puts: ObjectPuts;
  readonly publishes: Publishes;
}

/** Takes mail from the server. */
export class Bridge implements AsyncDisposable {
  readonly #parts: BridgeParts;

  constructor(parts: BridgeParts) {
    this.#parts = parts;
  }

  /** For the server, which calls it without `this`, before the 354 of each message. */
  readonly open: OpenMessage = (facts, resume) => {
    const { breaker, writerParts } = this.#parts;
    const { deferrals, openMessages } = writerParts;
    if (!breaker.admits()) return { kind: 'refuse', reply: deferrals.breakerOpen(facts) };
    openMessages.begin();
    const writer = new S3Writer(facts, writerParts, resume);
    const entered = writer.enter();
    if (entered === true) return { kind: 'accept', writer };
    return entered.then((isRoom): OpenMessageAnswer => {
      if (isRoom) return { kind: 'accept', writer };
      writer.close();
      return { kind: 'refuse', reply: deferrals.overloaded(facts, 0) };
    });
  };

  /** The reply to a new client and to MAIL while the bridge takes no mail; `undefined` while it does. */
  refusal(): Reply | undefined {
    return this.#parts.breaker.admits() ? undefined : OVERLOADED;
  }

  /** Messages that were received completely and not answered yet. */
  get inFlight(): number {
    return this.#parts.writerParts.committer.inFlight;
  }

  /** Octets of `limits.memory` that messages hold now. */
  get memoryInUse(): number {
    return this.#parts.writerParts.memory.usedOctets;
  }

  /** Octets of it that the one client holds that holds the most. */
  get memoryOfLargestClient(): number {
    return this.#parts.writerParts.memory.largestShareOctets;
  }

  /** Settles when no message is open, and nothing of an earlier one is in progress. */
  async idle(): Promise<void> {
    await this.#parts.writerParts.openMessages.idle();
    await this.#parts.store.idle();
  }

  /**
   * Refuses what waits for memory before its first octet, waits until the bridge is idle, then ends what runs in the
   * background. The clients stay the caller's.
   */
  async close(): Promise<void> {
    this.#parts.writerParts.memory.large.turnAwayAll();
    await this.idle();
    const { breaker, outbox, puts, publishes } = this.#parts;
    breaker[Symbol.dispose]();
    await outbox.close();
    puts.close();
    publishes.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Asks S3 something small, with a right that the service has anyway. */
async function probe(s3: S3Client, bucket: string): Promise<void> {
  using deadline = new Deadline(PROBE_MILLIS);
  const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: OUTBOX_PREFIX, MaxKeys: 1 });
  await s3.send(proven(command, provesListing(bucket)), { abortSignal: deadline.signal });
}

/** An observer that throws must not turn a stored mail into a 451. */
function safeObserver(observe: Observe = () => undefined): Observe {
  return (event) => {
    try {
      observe(event);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  };
}
