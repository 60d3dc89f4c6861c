// The duplicate guard: a sender that resends because it lost our 250 gets the first messageId again, with
// no second object and no second notification. Decided by a conditional write in DynamoDB, so that it is
// right when two tasks get both copies at once.
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { classifyAwsError } from './aws/failures.ts';
import { Deadline } from './aws/deadline.ts';
import type { AwsFailure, Observe } from './events.ts';
import type { ReceivedMail } from './intake/s3-writer.ts';
import type { DuplicateOptions } from './options.ts';

export type Claim =
  /** Ours to commit; `settle` says whether the mail is stored and announced. */
  | { readonly kind: 'first'; settle(committed: boolean): Promise<void> }
  | { readonly kind: 'duplicate'; readonly messageId: string }
  /** Another commit of the same mail is under way and did not end in time. */
  | { readonly kind: 'busy' };

export interface DuplicateGuard {
  claim(mail: ReceivedMail, millis: number): Promise<Claim>;
}

/** What the claim of a task that died blocks the others for: its commit's hard end. */
const LEASE_SECONDS = 30;
const POLL_MILLIS = 250;
/**
 * One call with its retries; and no more than this share of the commit's budget. The last call comes when all
 * else is done: 20 s for S3, 8 s for the outbox and this are under the 30 s that are the end of a commit.
 */
const CALL_MILLIS = 1500;
const CALL_SHARE = 0.25;
/** How long the table is left alone after it failed, so that not every mail waits for it. */
const REST_MILLIS = 5000;

interface Item {
  readonly messageId: string;
  /** `pending` until the mail is stored and announced. */
  readonly state: 'pending' | 'done';
  /** Seconds since 1970, for DynamoDB's TTL; checked here, since TTL only cleans up. */
  readonly expiresAt: number;
  /** Who made the claim, so that nobody settles another's. */
  readonly owner: string;
}

export function createDuplicateGuard(
  { dynamoDb, table, windowSeconds }: DuplicateOptions,
  observe: Observe,
  failureOf: (error: unknown) => AwsFailure = (error) => classifyAwsError('dynamodb', error),
): DuplicateGuard {
  let restUntil = 0;

  /** Writes the item if there is none, or none that still counts, or it is our own. */
  async function write(pk: string, item: Item, millis: number): Promise<boolean> {
    using deadline = new Deadline(millis);
    try {
      await dynamoDb.send(
        new PutItemCommand({
          TableName: table,
          Item: {
            pk: { S: pk },
            messageId: { S: item.messageId },
            state: { S: item.state },
            expiresAt: { N: String(item.expiresAt) },
            // The attribute that the credential table's TTL looks at.
            ttl: { N: String(item.expiresAt) },
            owner: { S: item.owner },
          },
          ConditionExpression: 'attribute_not_exists(pk) OR expiresAt <= :now OR #owner = :owner',
          ExpressionAttributeNames: { '#owner': 'owner' },
          ExpressionAttributeValues: { ':now': { N: String(now()) }, ':owner': { S: item.owner } },
        }),
        { abortSignal: deadline.signal },
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  async function read(pk: string, millis: number): Promise<Item | undefined> {
    using deadline = new Deadline(millis);
    const { Item: item } = await dynamoDb.send(
      new GetItemCommand({ TableName: table, Key: { pk: { S: pk } }, ConsistentRead: true }),
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

  async function remove(pk: string, owner: string, millis: number): Promise<void> {
    using deadline = new Deadline(millis);
    try {
      await dynamoDb.send(
        new DeleteItemCommand({
          TableName: table,
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

  return {
    claim: async (mail, millis) => {
      const { messageId } = mail.facts;
      const callMillis = Math.min(CALL_MILLIS, millis * CALL_SHARE);
      const failed = (error: unknown): void => {
        restUntil = performance.now() + REST_MILLIS;
        observe({ kind: 'duplicate-guard-failed', messageId, failure: failureOf(error) });
      };
      const unguarded: Claim = { kind: 'first', settle: async () => undefined };
      if (performance.now() < restUntil) return unguarded;
      const pk = duplicateKey(mail);
      const owner = randomUUID();
      const until = performance.now() + millis;
      try {
        for (;;) {
          const pending: Item = {
            messageId,
            state: 'pending',
            expiresAt: now() + LEASE_SECONDS,
            owner,
          };
          if (await write(pk, pending, callMillis)) break;
          const other = await read(pk, callMillis);
          if (other?.state === 'done' && other.expiresAt > now()) {
            return { kind: 'duplicate', messageId: other.messageId };
          }
          if (performance.now() + POLL_MILLIS > until) return { kind: 'busy' };
          await sleep(POLL_MILLIS * (0.5 + Math.random()));
        }
      } catch (error) {
        // The guard is a comfort, the mail is not: without it a mail may be there twice, never not at all.
        failed(error);
        return unguarded;
      }
      return {
        kind: 'first',
        settle: async (committed) => {
          try {
            if (!committed) await remove(pk, owner, callMillis);
            else
              await write(
                pk,
                { messageId, state: 'done', expiresAt: now() + windowSeconds, owner },
                callMillis,
              );
          } catch (error) {
            failed(error);
          }
        },
      };
    },
  };
}

/** The same user, envelope and content. Recipients in any order; a repeated RCPT counts once. */
export function duplicateKey({ facts, sha256 }: ReceivedMail): string {
  const { session, envelope } = facts;
  const recipients = new Set(envelope.recipients.map(({ forwardPath }) => forwardPath.address));
  const hash = createHash('sha256');
  // JSON keeps the fields apart, whatever is in them.
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

function now(): number {
  return Math.floor(Date.now() / 1000);
}
