// What becomes of a mail: an object in S3 and a notification on SNS, and only then a 250. Here the parts are
// put together; the promise itself is in `committer.ts`.
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { MessageFacts, OpenMessage, OpenMessageAnswer, Reply } from '../smtp/index.ts';
import { classifyAwsError, createMisconfigurationReporter, deferral } from './aws/failures.ts';
import { createBreaker } from './aws/circuit-breaker.ts';
import { createCommitter, MESSAGE_TYPE } from './committer.ts';
import { type Copy, planCopies } from './placements.ts';
import { Deadline } from './aws/deadline.ts';
import { createDuplicateGuard } from './duplicate-guard.ts';
import type { AwsFailure, AwsService, Observe } from './events.ts';
import { blocksFor, type CopyUpload, IncomingMessage, type Receiving } from './intake/s3-writer.ts';
import { sidecarMetadata } from './contract/mail-record.ts';
import { createMemory, SMALL_OCTETS } from './intake/memory.ts';
import { createSdkPuts } from './aws/object-puts.ts';
import { createObjectStore } from './store/object-store.ts';
import type { BridgeOptions } from './options.ts';
import { OUTBOX_PREFIX } from './contract/object-key.ts';
import { type OutboxDrainer, startOutboxDrainer } from './outbox/worker.ts';
import { createPublisher } from './notify/publisher.ts';
import { createSdkPublishes } from './aws/publishes.ts';
import { createSignedPublishes } from './aws/signed-publishes.ts';
import { createSignedPuts } from './aws/signed-puts.ts';

/** Takes mails from the server. */
export interface Bridge extends AsyncDisposable {
  /** For the server: called before the 354 of each message. */
  readonly open: OpenMessage;
  /**
   * `undefined` while the bridge takes mail. Else what a MAIL command is answered with; a new session may
   * be told `421 4.3.2` instead.
   */
  admits(): Reply | undefined;
  /** Messages that are whole and not answered yet. */
  readonly inFlight: number;
  /** Octets of `limits.memory` that messages hold or own now. */
  readonly memoryInUse: number;
  /** Settles when no message is open and nothing of one is under way any more. */
  drain(): Promise<void>;
  /** Drains, and ends what runs in the background. The clients stay the caller's. */
  close(): Promise<void>;
}

const DEFAULT_MEMORY_OCTETS = 256 * 1024 * 1024;
const PROBE_MILLIS = 2000;
const OVERLOADED: Reply = { code: 452, status: '3.1', text: 'Too busy, try again later' };

export function createBridge(options: BridgeOptions): Bridge {
  const { s3, sns, bucket, routes, prefix = 'mail/', topicArn, limits = {} } = options;
  const observe = safeObserver(options.observe);
  const budgetMillis = (limits.commitSeconds ?? 20) * 1000;

  const reportMisconfiguration = createMisconfigurationReporter(observe);
  const failureOf = (service: AwsService, error: unknown): AwsFailure => {
    const failure = classifyAwsError(service, error);
    reportMisconfiguration(failure);
    return failure;
  };

  const memory = createMemory(limits.memory ?? DEFAULT_MEMORY_OCTETS);
  const isSdkOnly = options.requests === 'sdk';
  const puts = isSdkOnly ? createSdkPuts(s3) : createSignedPuts(s3, bucket);
  const publishes = isSdkOnly ? createSdkPublishes(sns) : createSignedPublishes(sns, topicArn);
  const store = createObjectStore(s3, puts, bucket, observe);
  const publisher = createPublisher({ sns, publishes, observe });
  const breaker = createBreaker({ observe, probe });
  const guard =
    options.duplicates &&
    createDuplicateGuard(options.duplicates, observe, (error) => failureOf('dynamodb', error));
  const outbox: OutboxDrainer = startOutboxDrainer(
    { s3, store, publisher, bucket, observe },
    (options.outboxSeconds ?? 15) * 1000,
  );
  const committer = createCommitter({
    store,
    publisher,
    guard,
    bucket,
    hostname: options.hostname,
    traceHeaders: options.traceHeaders ?? true,
    budgetMillis,
    observe: (event) => {
      if (event.kind === 'outbox-written') outbox.wake();
      observe(event);
    },
    failureOf,
    settled: (failure) => breaker.settled(failure),
  });

  let inFlight = 0;
  /** Messages open or being committed, and who waits for their end. */
  let openMessages = 0;
  let onIdle: (() => void)[] = [];

  async function probe(): Promise<void> {
    using deadline = new Deadline(PROBE_MILLIS);
    await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: OUTBOX_PREFIX, MaxKeys: 1 }), {
      abortSignal: deadline.signal,
    });
  }

  const copiesOf = (facts: MessageFacts): Copy[] =>
    planCopies(facts, { prefix, topicArn, routes }, options.destinationOf?.(facts));

  function deferred(
    facts: MessageFacts,
    sizeInOctets: number,
    reply: Reply,
    cause: string,
    failure?: AwsFailure,
  ): Reply {
    observe({
      kind: 'message-deferred',
      facts,
      sizeInOctets,
      reply,
      cause,
      ...(failure && { failure }),
      commitMillis: 0,
    });
    return reply;
  }

  const receiving: Receiving = {
    memory,
    memoryWaitMillis: (limits.memoryWaitSeconds ?? 20) * 1000,
    partMillis: budgetMillis,
    beginUploads: async (facts, signal): Promise<CopyUpload[]> => {
      const begun = await Promise.allSettled(
        copiesOf(facts).map(async (copy) => ({
          copy,
          upload: await store.beginUpload({
            key: copy.key,
            contentType: MESSAGE_TYPE,
            metadata: sidecarMetadata(facts),
            signal,
          }),
        })),
      );
      const uploads = begun.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      const failed = begun.find((each) => each.status === 'rejected');
      if (failed === undefined) return uploads;
      for (const { upload } of uploads) upload.abort();
      throw failed.reason;
    },
    commit: async (mail) => {
      const { body, facts } = mail;
      inFlight += 1;
      try {
        return await committer.commit(
          mail,
          body.kind === 'parts' ? body.uploads.map(({ copy }) => copy) : copiesOf(facts),
        );
      } finally {
        inFlight -= 1;
      }
    },
    overloaded: (facts, size) => deferred(facts, size, OVERLOADED, 'overload'),
    failed: (facts, size, error) => {
      const failure = failureOf('s3', error);
      breaker.settled(failure);
      return deferred(facts, size, deferral(failure.cause), failure.cause, failure);
    },
    discarded: (facts, sizeInOctets, cause) =>
      observe({ kind: 'message-discarded', facts, sizeInOctets, cause }),
    ended: () => {
      openMessages -= 1;
      if (openMessages > 0) return;
      for (const idle of onIdle) idle();
      onIdle = [];
    },
  };

  function accept(facts: MessageFacts, drained: () => void, blocks?: number): OpenMessageAnswer {
    return { kind: 'accept', writer: new IncomingMessage(facts, receiving, drained, blocks) };
  }

  function openMessage(
    facts: MessageFacts,
    drained: () => void,
  ): OpenMessageAnswer | Promise<OpenMessageAnswer> {
    if (breaker.isOpen) {
      return { kind: 'refuse', reply: deferred(facts, 0, OVERLOADED, 'breaker-open') };
    }
    openMessages += 1;
    const declared = facts.envelope.parameters.size ?? 0;
    if (declared <= SMALL_OCTETS) return accept(facts, drained);
    const blocks = blocksFor(facts, 0);
    if (memory.large.tryOwn(blocks)) return accept(facts, drained, blocks);
    return memory.large
      .own(blocks, receiving.memoryWaitMillis, new AbortController().signal)
      .then((owned) => {
        if (owned) return accept(facts, drained, blocks);
        receiving.ended();
        return { kind: 'refuse', reply: receiving.overloaded(facts, 0) };
      });
  }

  async function drain(): Promise<void> {
    if (openMessages > 0) await new Promise<void>((resolve) => onIdle.push(resolve));
    await store.idle();
  }

  async function close(): Promise<void> {
    await drain();
    breaker.close();
    await outbox.close();
    puts.close();
    publishes.close();
  }

  return {
    open: openMessage,
    get inFlight() {
      return inFlight;
    },
    get memoryInUse() {
      return memory.usedOctets;
    },
    admits: () => (breaker.isOpen || memory.small.isShort ? OVERLOADED : undefined),
    drain,
    close,
    [Symbol.asyncDispose]: close,
  };
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
