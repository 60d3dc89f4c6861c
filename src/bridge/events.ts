// The events of the bridge, for the log and the metrics. No event has octets of a message or a secret. Addresses are in
// `facts`, for the log to show or to hide.
import type { DiscardCause, MessageFacts, Reply } from '../smtp/index.ts';
import type { Judgement, SenderRefusal } from '../verify/index.ts';
import type { ShedReason } from './intake/holding.ts';

/** The AWS service that a failure came from. */
export type AwsService = 's3' | 'sns' | 'dynamodb';

/**
 * `unavailable`: the service did not answer, was slow, throttled or failed, or its answer proves nothing; waiting helps. `configuration`: rights,
 * names, region, credentials, key or clock are wrong; only the operator can mend it. `refused`: the service understood
 * the request and does not accept it. `corrupted`: the service received other octets than were sent.
 */
export type FailureCause = 'unavailable' | 'configuration' | 'refused' | 'corrupted';

/** One failure of an AWS service, for the operator. */
export interface AwsFailure {
  readonly service: AwsService;
  readonly cause: FailureCause;
  /** The service's error code, or the system's, as `AccessDenied` or `ECONNREFUSED`. */
  readonly code: string;
  /** The message of the service, in one line. */
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
  /** The notification is in the outbox, and will be announced later. */
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
  /** Answered 250. One event for each mail. */
  | ({
      readonly kind: 'message-accepted';
      readonly facts: MessageFacts;
      readonly sizeInOctets: number;
      readonly sha256: string;
      readonly placements: readonly StoredPlacement[];
      /** The messageId that the same mail got before: nothing was stored for this one. */
      readonly duplicateOf?: string;
      /** The messageId of an earlier commit that was not finished: the client gets it, and objects have it. */
      readonly resumed?: string;
      /** What the judge said, and how long after the end of the data. Absent where nobody judged. */
      readonly judged?: { readonly judgement: Judgement; readonly millis: number };
    } & CommitTimings)
  /** Answered 4yz: the sender keeps the mail. */
  | {
      readonly kind: 'message-deferred';
      readonly facts: MessageFacts;
      readonly sizeInOctets: number;
      readonly reply: Reply;
      /** A `FailureCause`, or `overload`, `breaker-open`, `duplicate-under-way` or `judge-late`. */
      readonly cause: string;
      readonly failure?: AwsFailure;
      /** Objects of the mail that are in S3 and were not announced. Absent where there are none. */
      readonly orphans?: number;
      readonly commitMillis: number;
    }
  /** The judge refused it: nothing is stored, and the client hears the reply of the refusal, which may be 4yz too. */
  | {
      readonly kind: 'message-refused';
      readonly facts: MessageFacts;
      readonly sizeInOctets: number;
      readonly refusal: SenderRefusal;
      /** From the end of the data. */
      readonly judgeMillis: number;
    }
  /** Thrown away before its commit. */
  | {
      readonly kind: 'message-discarded';
      readonly facts: MessageFacts;
      readonly sizeInOctets: number;
      readonly cause: DiscardCause;
    }
  /** Its memory was needed for a message that deserves it more: it is deferred when its last octet has come. */
  | {
      readonly kind: 'message-shed';
      readonly facts: MessageFacts;
      readonly reason: ShedReason;
      readonly heldOctets: number;
    }
  /** A call took more than one try, whatever its outcome. */
  | {
      readonly kind: 'aws-retry';
      readonly service: AwsService;
      readonly operation: string;
      readonly retries: number;
    }
  /** The operator must act: a misconfiguration, or something that is not AWS at the endpoint. Reported at most once a minute for each service and code. */
  | { readonly kind: 'aws-misconfigured'; readonly failure: AwsFailure }
  /** One call of S3 or SNS has ended; `entries` is the size of a batch. */
  | {
      readonly kind: 'aws-call';
      readonly service: AwsService;
      readonly operation: string;
      readonly millis: number;
      readonly entries?: number;
    }
  | { readonly kind: 'publish-failed'; readonly messageId: string; readonly failure: AwsFailure }
  /** SNS refused a notification as it was, and accepted it without its optional fields. */
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
  /** SNS refused it too often: it is a dead letter now, and needs a person. */
  | {
      readonly kind: 'outbox-poisoned';
      readonly messageId: string;
      readonly key: string;
      readonly failure: AwsFailure;
    }
  /**
   * Markers that a flush left where they are, for a reason that is theirs or their topic's. For each topic, or each
   * other reason, once in a flush that tried one of them.
   */
  | {
      readonly kind: 'outbox-skipped';
      /**
       * `topic`: the topic takes nothing. `other-version`: another release wrote them. `object`: S3 does not let
       * them be read or deleted.
       */
      readonly reason: 'topic' | 'other-version' | 'object';
      readonly topicArn?: string;
      readonly markers: number;
      readonly failure: AwsFailure;
    }
  /**
   * After each flush of the outbox: the markers that it met and that still wait. `oldestSeconds` is 0 when there are
   * none; `skipped` counts those that were left for a reason in them or in their topic.
   */
  | {
      readonly kind: 'outbox-state';
      readonly markers: number;
      readonly oldestSeconds: number;
      readonly skipped: number;
    }
  | { readonly kind: 'outbox-drain-failed'; readonly failure: AwsFailure }
  | { readonly kind: 'breaker-opened'; readonly failure: AwsFailure }
  | { readonly kind: 'breaker-closed'; readonly openSeconds: number }
  /** DynamoDB failed, and the mail was committed without the duplicate guard. */
  | {
      readonly kind: 'duplicate-guard-failed';
      readonly messageId: string;
      readonly failure: AwsFailure;
    }
  /** The fast path was of no use and the SDK was: the SDK's commands send the requests for some minutes. */
  | {
      readonly kind: 'fast-path-left';
      readonly service: AwsService;
      readonly reason: string;
      readonly minutes: number;
    }
  /** A multipart upload could not be aborted; the lifecycle rule of the bucket will abort it. */
  | { readonly kind: 'abort-failed'; readonly key: string; readonly failure: AwsFailure };

export type Observe = (event: BridgeEvent) => void;
