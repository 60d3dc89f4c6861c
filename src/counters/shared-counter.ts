// Counting for the whole fleet: one row for each key and fixed window in the credential table, changed by
// DynamoDB's atomic counters and deleted by its TTL. Needs dynamodb:GetItem and dynamodb:UpdateItem.
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { BoundedMap } from './bounded-map.ts';
import type { Clock } from './time-source.ts';
import { answeredByTable, isRow, NAME_THE_TABLE } from './table-answers.ts';
import { KEY_ATTRIBUTE, TTL_ATTRIBUTE } from './table-attributes.ts';
import { type WindowCounter, windowAt } from './window-counter.ts';

/** What the keys of these rows begin with. */
const COUNT_KEY_PREFIX = 'COUNT#';
/** A counter is asked before the answer to a client, so it may not take long. */
const DEADLINE_MILLISECONDS = 1500;

export class SharedCounter implements WindowCounter {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #clock: Clock;
  /** What windows gone by hold no longer changes. */
  readonly #closed = new BoundedMap<number>(10_000);

  constructor(client: DynamoDBClient, table: string, clock: Clock) {
    this.#client = client;
    this.#table = table;
    this.#clock = clock;
  }

  async read(key: string, windowSeconds: number): Promise<number> {
    const { index, covered } = windowAt(this.#clock.now(), windowSeconds);
    const [current, previous] = await Promise.all([
      this.#readWindow(key, windowSeconds, index),
      this.#readClosed(key, windowSeconds, index - 1),
    ]);
    return current + previous * covered;
  }

  async add(key: string, windowSeconds: number, amount: number): Promise<number> {
    const { index, covered } = windowAt(this.#clock.now(), windowSeconds);
    const [current, previous] = await Promise.all([
      this.#update(key, windowSeconds, index, amount),
      this.#readClosed(key, windowSeconds, index - 1),
    ]);
    return (current ?? 0) + previous * covered;
  }

  async addWithin(
    key: string,
    windowSeconds: number,
    amount: number,
    limit: number,
  ): Promise<boolean> {
    const { index, covered } = windowAt(this.#clock.now(), windowSeconds);
    const previous = await this.#readClosed(key, windowSeconds, index - 1);
    const most = limit - amount - previous * covered;
    if (most < 0) return false;
    return (await this.#update(key, windowSeconds, index, amount, most)) !== undefined;
  }

  async #readClosed(key: string, windowSeconds: number, index: number): Promise<number> {
    const name = rowName(key, windowSeconds, index);
    const known = this.#closed.get(name);
    if (known !== undefined) return known;
    const count = await this.#readWindow(key, windowSeconds, index);
    this.#closed.set(name, count);
    return count;
  }

  async #readWindow(key: string, windowSeconds: number, index: number): Promise<number> {
    const row = rowKey(key, windowSeconds, index);
    const command = new GetItemCommand({ TableName: this.#table, Key: row, ...NAME_THE_TABLE });
    const { Item: item } = await this.#client.send(
      answeredByTable(command, ({ Item: found }) => isRow(found, row)),
      { abortSignal: AbortSignal.timeout(DEADLINE_MILLISECONDS) },
    );
    return Number(item?.['count']?.N ?? 0);
  }

  /** The count after it, or `undefined` where it was more than `most` before. */
  async #update(
    key: string,
    windowSeconds: number,
    index: number,
    amount: number,
    most?: number,
  ): Promise<number | undefined> {
    // Two windows on, nothing asks for the row any more.
    const expires = Math.ceil((index + 3) * windowSeconds);
    try {
      const command = answeredByTable(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: rowKey(key, windowSeconds, index),
          UpdateExpression: 'ADD #count :amount SET #ttl = :expires',
          ...(most !== undefined && {
            ConditionExpression: 'attribute_not_exists(#count) OR #count <= :most',
          }),
          ExpressionAttributeNames: { '#count': 'count', '#ttl': TTL_ATTRIBUTE },
          ExpressionAttributeValues: {
            ':amount': { N: String(amount) },
            ':expires': { N: String(expires) },
            ...(most !== undefined && { ':most': { N: most.toFixed(6) } }),
          },
          ReturnValues: 'UPDATED_NEW',
          ...NAME_THE_TABLE,
        }),
        ({ Attributes: changed }) => changed?.['count']?.N !== undefined,
      );
      const { Attributes } = await this.#client.send(command, {
        abortSignal: AbortSignal.timeout(DEADLINE_MILLISECONDS),
      });
      return Number(Attributes?.['count']?.N ?? 0);
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  }
}

function rowName(key: string, windowSeconds: number, index: number): string {
  return `${key}#${windowSeconds}#${index}`;
}

function rowKey(key: string, windowSeconds: number, index: number): Record<string, AttributeValue> {
  return { [KEY_ATTRIBUTE]: { S: `${COUNT_KEY_PREFIX}${rowName(key, windowSeconds, index)}` } };
}
