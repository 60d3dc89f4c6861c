// The passes of one task over the outbox, with what it knows from one to the next.
import type { S3Client } from '@aws-sdk/client-s3';
import type { SNSClient } from '@aws-sdk/client-sns';
import { createSdkPublishes } from '../aws/publishes.ts';
import type { AwsFailure, Observe } from '../events.ts';
import { Publisher } from '../notify/publisher.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { KnownTrouble } from './known-trouble.ts';
import { OutboxLease } from './lease.ts';
import { CALL_MILLIS } from './marker.ts';
import { MarkerObjects } from './marker-objects.ts';
import { OutboxPass } from './pass.ts';
import type { SkippedMarkers } from './tally.ts';

export interface OutboxOptions {
  readonly s3: S3Client;
  readonly sns: SNSClient;
  readonly store: ObjectStore;
  readonly bucket: string;
  readonly observe: Observe;
  /** Only the markers of this topic. */
  readonly topicArn?: string | undefined;
  /** Publish to this topic, whatever the markers say. */
  readonly toTopicArn?: string | undefined;
  /** Refusals of SNS after which a marker becomes a dead letter. Default 5. */
  readonly maxRefusals?: number;
}

export interface FlushResult {
  readonly published: number;
  readonly deadLetters: number;
  /** Refused this time, to be tried again. */
  readonly refused: number;
  /** Left where they are, for a reason in them or in their topic. */
  readonly skipped: readonly SkippedMarkers[];
  /** Another task is flushing the outbox. */
  readonly isBusy: boolean;
  /** Why the pass stopped before the end, if it did. */
  readonly failure?: AwsFailure;
}

export class OutboxFlush {
  readonly #options: OutboxOptions;
  readonly #publisher: Publisher;
  readonly #objects: MarkerObjects;
  readonly #lease: OutboxLease;
  readonly #known = new KnownTrouble();

  constructor(options: OutboxOptions) {
    const { sns, observe } = options;
    this.#options = options;
    this.#objects = new MarkerObjects(options);
    this.#lease = new OutboxLease(options);
    // A sender waits for a commit and nobody for this. So a try has all the time of the call: one that is given up and
    // repeated is announced twice by an SNS that was only slow.
    const publishes = createSdkPublishes(sns, { requestTimeout: CALL_MILLIS });
    this.#publisher = new Publisher({ sns, publishes, observe });
  }

  /**
   * One pass over all markers, where no other task is at it. Ends early when S3 or SNS is away, and when `signal`
   * aborts. Never rejects.
   */
  async run(signal?: AbortSignal): Promise<FlushResult> {
    const { observe, maxRefusals = 5, ...options } = this.#options;
    const pass = new OutboxPass(
      {
        ...options,
        observe,
        maxRefusals,
        objects: this.#objects,
        publisher: this.#publisher,
        lease: this.#lease,
        known: this.#known,
      },
      signal,
    );
    await pass.run();
    const { tally, failure, isBusy } = pass;
    const { waiting, oldestSeconds } = tally;
    // What every marker would have met is the failure of the pass.
    const isOwn = ({ failure: { cause } }: SkippedMarkers): boolean =>
      failure === undefined || cause !== 'unavailable';
    const skipped = tally.skipped.filter(isOwn);
    for (const each of tally.newlySkipped.filter(isOwn)) {
      observe({ kind: 'outbox-skipped', ...each });
    }
    const passedOver = skipped.reduce((sum, { markers }) => sum + markers, 0);
    observe({ kind: 'outbox-state', markers: waiting, oldestSeconds, skipped: passedOver });
    if (failure !== undefined) observe({ kind: 'outbox-drain-failed', failure });
    return {
      published: tally.of('published') + tally.of('undeleted'),
      deadLetters: tally.of('dead-letter'),
      refused: tally.of('refused'),
      skipped,
      isBusy,
      ...(failure && { failure }),
    };
  }
}
