// The duplicate guard: a sender that resends a mail because it lost our 250 gets the first messageId again, without a
// second object and a second notification. A conditional write in DynamoDB decides, so the guard is right when two
// tasks get the same mail at once.
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { Deadline } from './aws/deadline.ts';
import type { FailureReporter } from './aws/failures.ts';
import type { Observe } from './events.ts';
import type { ReceivedMail } from './intake/received-mail.ts';
import type { DuplicateOptions } from './options.ts';

export type Claim =
  /** The caller commits the mail, and then calls one of the two. Neither rejects. */
  | {
      readonly kind: 'first';
      /** The mail is stored, and announced or in the outbox. */
      confirm(): Promise<void>;
      /** It is not: the next try is a new mail. */
      withdraw(): Promise<void>;
    }
  | { readonly kind: 'duplicate'; readonly messageId: string }
  /** Another commit of the same mail is in progress and did not end in time. */
  | { readonly kind: 'busy' };

/** How long the claim of a task that died blocks others: until its commit would have ended at the latest. */
const LEASE_SECONDS = 30;
const POLL_MILLIS = 250;
/**
 * One call with its retries, and never more than this share of the commit's budget. The last call is made after
 * everything else: 20 s for S3, 8 s for the outbox and this are less than the 30 s after which a commit ends.
 */
const CALL_MILLIS = 1500;
const CALL_SHARE = 0.25;
/** How long the table is left alone after a failure, so that not every mail waits for it. */
const REST_MILLIS = 5000;

interface Item {
  readonly messageId: string;
  /** `pending` until the mail is stored, and announced or in the outbox. */
  readonly state: 'pending' | 'done';
  /** Seconds since 1970, for the TTL of DynamoDB. The guard checks it too, since the TTL only cleans up. */
  readonly expiresAt: number;
  /** The commit that made the claim, so that no other can change it. */
  readonly owner: string;
}

/** In doubt a mail is committed: without the guard it may be there twice, but it is never lost. */
export class DuplicateGuard {
  readonly #dynamoDb: DynamoDBClient;
  readonly #table: string;
  readonly #windowSeconds: number;
  readonly #failures: FailureReporter;
  readonly #observe: Observe;
  #restUntil = 0;

  constructor(
    { dynamoDb, table, windowSeconds }: DuplicateOptions,
    failures: FailureReporter,
    observe: Observe,
  ) {
    this.#dynamoDb = dynamoDb;
    this.#table = table;
    this.#windowSeconds = windowSeconds;
    this.#failures = failures;
    this.#observe = observe;
  }

  /** Waits up to `millis` for another commit of the same mail. Never rejects. */
  async claim(mail: ReceivedMail, millis: number): Promise<Claim> {
    if (performance.now() < this.#restUntil) return unguarded;
    const { messageId } = mail.facts;
    const callMillis = Math.min(CALL_MILLIS, millis * CALL_SHARE);
    const pk = duplicateKey(mail);
    const owner = randomUUID();
    const until = performance.now() + millis;
    try {
      for (;;) {
        const expiresAt = nowSeconds() + LEASE_SECONDS;
        const pending: Item = { messageId, state: 'pending', expiresAt, owner };
        if (await this.#write(pk, pending, callMillis)) break;
        const other = await this.#read(pk, callMillis);
        if (other?.state === 'done' && other.expiresAt > nowSeconds()) {
          return { kind: 'duplicate', messageId: other.messageId };
        }
        if (performance.now() + POLL_MILLIS > until) return { kind: 'busy' };
        await sleep(POLL_MILLIS * (0.5 + Math.random()));
      }
    } catch (error) {
      this.#rest(messageId, error);
      return unguarded;
    }
    return {
      kind: 'first',
      confirm: async () => {
        const expiresAt = nowSeconds() + this.#windowSeconds;
        const done: Item = { messageId, state: 'done', expiresAt, owner };
        await this.#write(pk, done, callMillis).catch((error: unknown) =>
          this.#rest(messageId, error),
        );
      },
      withdraw: async () => {
        await this.#remove(pk, owner, callMillis).catch((error: unknown) =>
          this.#rest(messageId, error),
        );
      },
    };
  }

  #rest(messageId: string, error: unknown): void {
    this.#restUntil = performance.now() + REST_MILLIS;
    const failure = this.#failures.classify('dynamodb', error);
    this.#observe({ kind: 'duplicate-guard-failed', messageId, failure });
  }

  /** Writes the item where there is none, or an expired one, or our own. */
  async #write(pk: string, item: Item, millis: number): Promise<boolean> {
    using deadline = new Deadline(millis);
    try {
      await this.#dynamoDb.send(
        new PutItemCommand({
          TableName: this.#table,
          Item: {
            pk: { S: pk },
            messageId: { S: item.messageId },
            state: { S: item.state },
            expiresAt: { N: String(item.expiresAt) },
            // The TTL attribute of the credential table.
            ttl: { N: String(item.expiresAt) },
            owner: { S: item.owner },
          },
          ConditionExpression: 'attribute_not_exists(pk) OR expiresAt <= :now OR #owner = :owner',
          ExpressionAttributeNames: { '#owner': 'owner' },
          ExpressionAttributeValues: {
            ':now': { N: String(nowSeconds()) },
            ':owner': { S: item.owner },
          },
        }),
        { abortSignal: deadline.signal },
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  async #read(pk: string, millis: number): Promise<Item | undefined> {
    using deadline = new Deadline(millis);
    const { Item: item } = await this.#dynamoDb.send(
      new GetItemCommand({ TableName: this.#table, Key: { pk: { S: pk } }, ConsistentRead: true }),
      { abortSignal: deadline.signal },
    );
    const messageId = item?.['messageId']?.S;
    if (messageId === undefined) return undefined;
    return {
      messageId,
      state: item?.['state']?.S === 'done' ? 'done' : 'pending',
      expiresAt: Number(item?.['expiresAt']?.N ?? 0),
      owner: item?.['owner']?.S ?? '',
    };
  }

  async #remove(pk: string, owner: string, millis: number): Promise<void> {
    using deadline = new Deadline(millis);
    try {
      await this.#dynamoDb.send(
        new DeleteItemCommand({
          TableName: this.#table,
          Key: { pk: { S: pk } },
          ConditionExpression: '#owner = :owner',
          ExpressionAttributeNames: { '#owner': 'owner' },
          ExpressionAttributeValues: { ':owner': { S: owner } },
        }),
        { abortSignal: deadline.signal },
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }
}

/** The claim of a mail that goes on without the guard. */
const unguarded: Claim = {
  kind: 'first',
  confirm: async () => undefined,
  withdraw: async () => undefined,
};

/** The same user, envelope and content. Recipients count once each, in any order. */
function duplicateKey({ facts, sha256 }: ReceivedMail): string {
  const { session, envelope } = facts;
  const recipients = new Set(envelope.recipients.map(({ forwardPath }) => forwardPath.address));
  const hash = createHash('sha256');
  // JSON keeps the fields apart, whatever they contain.
  hash.update(
    JSON.stringify([
      session.identity?.username ?? null,
      envelope.reversePath?.address ?? null,
      [...recipients].sort(),
      sha256.toString('hex'),
    ]),
  );
  return `duplicate#${hash.digest('hex')}`;
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
