import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { Routes } from '../policy/routes.ts';
import type { MessageFacts, Recipient } from '../smtp/index.ts';
import type { MailJudge } from '../verify/index.ts';
import type { Observe } from './events.ts';

/** The options of `createBridge`. */
export interface BridgeOptions {
  /** From `createBridgeClients`, or the caller's own. The bridge never destroys them. */
  readonly s3: S3Client;
  readonly sns: SNSClient;
  readonly bucket: string;
  /** In front of the time partitions of every key. Default `mail/`. */
  readonly prefix?: string;
  readonly topicArn: string;
  /** Our name: `by` in Received and the authserv-id of Authentication-Results. */
  readonly hostname: string;
  /** Puts Return-Path, Received, Received-SPF and Authentication-Results in front of the message. Default true. */
  readonly traceHeaders?: boolean;
  /** Gives recipients their own prefixes. Without routes, all mail goes to `prefix`. */
  readonly routes?: Routes;
  /** One text for all spellings of a recipient's mailbox. Default: the address as the client said it. */
  readonly mailboxOf?: MailboxOf;
  /** The sender's own destination, which a credential may have. It wins over routes. */
  readonly destinationOf?: (facts: MessageFacts) => Destination | undefined;
  /** Judges who sent each message and what it holds, while it arrives. Without it, nothing is checked. */
  readonly judge?: JudgeMail;
  /**
   * The topic on which a mail that the judge marks with `quarantine` is announced, in place of its own; `undefined`: its
   * own. Default: always its own.
   */
  readonly quarantineTopicOf?: (facts: MessageFacts) => string | undefined;
  /** What counts as one client that shares the memory, by an address of it. Default: the address. */
  readonly clientOf?: (address: string) => string;
  readonly limits?: BridgeLimits;
  /** Answers a resent mail with the messageId of the first. Without it there is no duplicate guard. */
  readonly duplicates?: DuplicateOptions;
  readonly observe?: Observe;
  /**
   * How objects and notifications are sent: one signed keep-alive request each, with the SDK's commands behind it, or
   * the SDK's commands alone. Default `signed`.
   */
  readonly requests?: 'signed' | 'sdk';
  /** How often the bridge flushes the outbox. Default 15, with jitter. */
  readonly outboxSeconds?: number;
}

export type MailboxOf = (forwardPath: Recipient['forwardPath']) => string;

/**
 * The judge of one message, made before the first octet of it; `undefined` where it is not judged. `resume` ends a pause
 * that `write` asked for. A pause may last as long as a wait for memory, and the judgement `judgeSeconds`; past that the
 * message is answered 4yz.
 */
export type JudgeMail = (facts: MessageFacts, resume: () => void) => MailJudge | undefined;

/** Overrides the default prefix or topic of a mail. */
export interface Destination {
  readonly prefix?: string;
  readonly topicArn?: string;
}

export interface BridgeLimits {
  /** Octets of message data held in memory by all transactions. Default 256 MiB. */
  readonly memory?: number;
  /** How long a commit may go on while no octet reaches S3, from the end of the data. Default 20. */
  readonly commitSeconds?: number;
  /** How long S3 may take in all, from the end of the data. Default 90. */
  readonly commitTotalSeconds?: number;
  /**
   * How long the judge may take from the end of the data. It counts as progress of the commit, and within `commitTotalSeconds`.
   * Default `commitSeconds`.
   */
  readonly judgeSeconds?: number;
  /** How long a message may wait for memory before `452 4.3.1`. It must be shorter than `answerTimeoutSeconds` of the server. Default 90. */
  readonly memoryWaitSeconds?: number;
}

export interface DuplicateOptions {
  readonly dynamoDb: DynamoDBClient;
  /** A table with the string partition key `pk` and TTL on `ttl`; may be the credential table. */
  readonly table: string;
  readonly windowSeconds: number;
}
