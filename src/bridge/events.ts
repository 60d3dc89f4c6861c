// What the bridge tells a log and a metric. No event holds a message octet or a secret; addresses are in
// `facts`, for the log to show or to hide.
import type { DiscardCause, MessageFacts, Reply } from '../smtp/index.ts';

/** The AWS service that a failure came from. */
export type AwsService = 's3' | 'sns' | 'dynamodb';

/**
 * `unavailable`: it did not answer, was slow, throttled or broke; waiting helps. `configuration`: rights,
 * names, region, credentials, key or clock are wrong; only the operator can mend it. `refused`: it
 * understood the request and will not take it. `corrupted`: what arrived was not what was sent.
 */
export type FailureCause = 'unavailable' | 'configuration' | 'refused' | 'corrupted';

/** One failure of an AWS service, in words for an operator. */
export interface AwsFailure {
  readonly service: AwsService;
  readonly cause: FailureCause;
  /** The service's error code, or the system's, as `AccessDenied` or `ECONNREFUSED`. */
  readonly code: string;
  /** The service's own sentence, in one line. */
  readonly message: string;
  readonly requestId?: string;
}

/** One object that a mail became. */
export interface StoredPlacement {
  readonly messageId: string;
  readonly bucket: string;
  readonly key: string;
  readonly topicArn: string;
  readonly recipients: number;
  /** Announced later: the notification is in the outbox. */
  readonly outbox: boolean;
}

/** Milliseconds spent in one commit. */
export interface CommitTimings {
  /** From the end of the data to the decision. */
  readonly commitMillis: number;
  readonly storeMillis: number;
  readonly publishMillis: number;
}

export type BridgeEvent =
  /** Answered 250. One line per mail. */
  | ({
      readonly kind: 'message-accepted';
      readonly facts: MessageFacts;
      readonly sizeInOctets: number;
      readonly sha256: string;
      readonly placements: readonly StoredPlacement[];
      /** The messageId that the same mail got before: nothing was stored for this one. */
      readonly duplicateOf?: string;
    } & CommitTimings)
  /** Answered 4yz: the sender keeps it. */
  | {
      readonly kind: 'message-deferred';
      readonly facts: MessageFacts;
      readonly sizeInOctets: number;
      readonly reply: Reply;
      /** kebab-case: a `FailureCause`, or `overload`, `breaker-open`, `deadline`, `closing`. */
      readonly cause: string;
      readonly failure?: AwsFailure;
      readonly commitMillis: number;
    }
  /** Thrown away before its commit. */
  | {
      readonly kind: 'message-discarded';
      readonly facts: MessageFacts;
      readonly sizeInOctets: number;
      readonly cause: DiscardCause;
    }
  /** A call needed more than one try, whatever came of it. */
  | {
      readonly kind: 'aws-retry';
      readonly service: AwsService;
      readonly operation: string;
      readonly retries: number;
    }
  /** The operator must act: said once for each service and code, again after a minute. */
  | { readonly kind: 'aws-misconfigured'; readonly failure: AwsFailure }
  /** One call of S3 or SNS ended well; `entries` is the size of a batch. */
  | {
      readonly kind: 'aws-call';
      readonly service: AwsService;
      readonly operation: string;
      readonly millis: number;
      readonly entries?: number;
    }
  | { readonly kind: 'publish-failed'; readonly messageId: string; readonly failure: AwsFailure }
  /** SNS refused a notification as it was, and took it with fewer optional fields. */
  | {
      readonly kind: 'notification-reduced';
      readonly messageId: string;
      readonly failure: AwsFailure;
    }
  | { readonly kind: 'outbox-written'; readonly messageId: string; readonly key: string }
  | {
      readonly kind: 'outbox-published';
      readonly messageId: string;
      readonly key: string;
      readonly ageSeconds: number;
    }
  /** Set aside after too many refusals: needs a person. */
  | {
      readonly kind: 'outbox-poisoned';
      readonly messageId: string;
      readonly key: string;
      readonly failure: AwsFailure;
    }
  /** After each look at the outbox. `oldestSeconds` is 0 when it is empty. */
  | { readonly kind: 'outbox-state'; readonly markers: number; readonly oldestSeconds: number }
  | { readonly kind: 'outbox-drain-failed'; readonly failure: AwsFailure }
  | { readonly kind: 'breaker-opened'; readonly failure: AwsFailure }
  | { readonly kind: 'breaker-closed'; readonly openSeconds: number }
  /** The guard could not be asked; the mail went on without it. */
  | {
      readonly kind: 'duplicate-guard-failed';
      readonly messageId: string;
      readonly failure: AwsFailure;
    }
  /** A multipart upload could not be aborted; the bucket's lifecycle rule will. */
  | { readonly kind: 'abort-failed'; readonly key: string; readonly failure: AwsFailure };

export type Observe = (event: BridgeEvent) => void;
