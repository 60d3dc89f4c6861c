import { randomUUID } from 'node:crypto';
import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Claim, IdempotencyStore } from './idempotency.ts';

export interface DynamoDbIdempotencyOptions {
  /** A table with the string partition key `pk` and TTL on `expiresAt`, as Mailsluice's own tables have. */
  readonly table: string;
  /** Default: one client for the whole process, made at the first mail from the SDK's environment. */
  readonly client?: DynamoDBClient;
  /** Tells the handlers apart that share a table. Default: the Lambda function's name. */
  readonly scope?: string;
  /** How long a handled mail is remembered. Default 14 days, the longest that SQS keeps a message. */
  readonly retentionSeconds?: number;
}

const RETENTION_SECONDS = 14 * 24 * 3600;
/** A claim can vanish between the refused write and the read that asks why. */
const MAX_TRIES = 3;

/** Remembers handled mails in DynamoDB: one item each, claimed by a conditional write. */
export function dynamoDbIdempotencyStore(options: DynamoDbIdempotencyOptions): IdempotencyStore {
  const { table: TableName, retentionSeconds = RETENTION_SECONDS } = options;
  const scope = options.scope ?? process.env['AWS_LAMBDA_FUNCTION_NAME'] ?? 'mail';
  let made: DynamoDBClient | undefined;

  return {
    claim: async (key, leaseMillis) => {
      const sdk = await import('@aws-sdk/client-dynamodb');
      const client = options.client ?? (made ??= new sdk.DynamoDBClient({}));
      const Key = { pk: { S: `handled#${scope}#${key}` } };
      const owner = randomUUID();

      const tryToClaim = async (): Promise<boolean> => {
        const now = Date.now();
        const item: Record<string, AttributeValue> = {
          ...Key,
          owner: { S: owner },
          leaseUntil: { N: String(now + leaseMillis) },
          expiresAt: expiry(now + leaseMillis, retentionSeconds),
        };
        try {
          await client.send(
            new sdk.PutItemCommand({
              TableName,
              Item: item,
              ConditionExpression: 'attribute_not_exists(pk) OR leaseUntil <= :now',
              ExpressionAttributeValues: { ':now': { N: String(now) } },
            }),
          );
          return true;
        } catch (error) {
          if (error instanceof sdk.ConditionalCheckFailedException) return false;
          throw error;
        }
      };

      const claimed: Claim = {
        kind: 'claimed',
        // Also when the claim has expired and another invocation has begun: the mail was handled.
        complete: async () => {
          await client.send(
            new sdk.UpdateItemCommand({
              TableName,
              Key,
              UpdateExpression:
                'SET handledAt = :at, expiresAt = :expiry REMOVE leaseUntil, #owner',
              ExpressionAttributeNames: { '#owner': 'owner' },
              ExpressionAttributeValues: {
                ':at': { S: new Date().toISOString() },
                ':expiry': expiry(Date.now(), retentionSeconds),
              },
            }),
          );
        },
        release: async () => {
          try {
            await client.send(
              new sdk.DeleteItemCommand({
                TableName,
                Key,
                ConditionExpression: '#owner = :me',
                ExpressionAttributeNames: { '#owner': 'owner' },
                ExpressionAttributeValues: { ':me': { S: owner } },
              }),
            );
          } catch (error) {
            // Somebody else's by now: the lease ran out.
            if (!(error instanceof sdk.ConditionalCheckFailedException)) throw error;
          }
        },
      };

      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        if (await tryToClaim()) return claimed;
        const { Item } = await client.send(
          new sdk.GetItemCommand({ TableName, Key, ConsistentRead: true }),
        );
        // The SDK's own retry of a write that had succeeded is refused by that very write.
        if (Item?.['owner']?.S === owner) return claimed;
        if (Item?.['handledAt'] !== undefined) return { kind: 'done' };
        if (Item !== undefined) return { kind: 'in-progress' };
      }
      return { kind: 'in-progress' };
    },
  };
}

/** TTL counts in seconds. */
function expiry(fromMillis: number, retentionSeconds: number): { N: string } {
  return { N: String(Math.ceil(fromMillis / 1000) + retentionSeconds) };
}
