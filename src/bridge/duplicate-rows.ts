// The rows of the duplicate guard in DynamoDB. A row has all that another task needs to finish a commit whose task died.
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { Deadline } from './aws/deadline.ts';
import { proven, provesTable } from './aws/proof.ts';
import type { MailRecord } from './contract/mail-record.ts';
import type { PlannedObject } from './planned-objects.ts';

export interface ClaimRow {
  /** What the client hears. */
  readonly messageId: string;
  /** `pending` until the mail is stored, and announced or in the outbox. */
  readonly state: 'pending' | 'done';
  /** Seconds since 1970. Of `pending`: the end of the lease. Of `done`: from then on the mail is a new one. */
  readonly expiresAt: number;
  /** Seconds since 1970, for the TTL of DynamoDB; the guard checks it too, since the TTL only cleans up. */
  readonly ttl: number;
  /** The commit that made the claim, so that no other can change it. */
  readonly owner: string;
  /** Of `pending`: what `encodeObjects` gave. Empty in a row of a release that wrote none. */
  readonly objects: string;
}

export class ClaimRows {
  readonly #dynamoDb: DynamoDBClient;
  readonly #table: string;
  /** Without it, any JSON object with status 200 would be a claim. */
  readonly #provesTable: ReturnType<typeof provesTable>;

  constructor(dynamoDb: DynamoDBClient, table: string) {
    this.#dynamoDb = dynamoDb;
    this.#table = table;
    this.#provesTable = provesTable(table);
  }

  /**
   * Writes the row where there is none, or the same owner's while it is pending, or `onto` as it was read. `false`:
   * another one is there. A write that arrives late therefore never makes `done` pending again.
   */
  async put(
    pk: string,
    row: ClaimRow,
    onto: ClaimRow | undefined,
    millis: number,
  ): Promise<boolean> {
    using deadline = new Deadline(millis);
    try {
      await this.#dynamoDb.send(
        proven(
          new PutItemCommand({
            TableName: this.#table,
            Item: {
              pk: { S: pk },
              messageId: { S: row.messageId },
              state: { S: row.state },
              expiresAt: { N: String(row.expiresAt) },
              ttl: { N: String(row.ttl) },
              owner: { S: row.owner },
              ...(row.objects !== '' && { objects: { S: row.objects } }),
            },
            ConditionExpression: `attribute_not_exists(pk) OR (#owner = :owner AND #state = :pending)${
              onto === undefined ? '' : ' OR (#owner = :from AND expiresAt = :fromExpiresAt)'
            }`,
            ExpressionAttributeNames: { '#owner': 'owner', '#state': 'state' },
            ExpressionAttributeValues: {
              ':owner': { S: row.owner },
              ':pending': { S: 'pending' },
              ...(onto !== undefined && {
                ':from': { S: onto.owner },
                ':fromExpiresAt': { N: String(onto.expiresAt) },
              }),
            },
            ReturnConsumedCapacity: 'TOTAL',
          }),
          this.#provesTable,
        ),
        { abortSignal: deadline.signal },
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }

  async read(pk: string, millis: number): Promise<ClaimRow | undefined> {
    using deadline = new Deadline(millis);
    const answer = await this.#dynamoDb.send(
      proven(
        new GetItemCommand({
          TableName: this.#table,
          Key: { pk: { S: pk } },
          ConsistentRead: true,
          ReturnConsumedCapacity: 'TOTAL',
        }),
        provesTable(this.#table, pk),
      ),
      { abortSignal: deadline.signal },
    );
    const { messageId, state, expiresAt, ttl, owner, objects } = answer.Item ?? {};
    if (messageId?.S === undefined) return undefined;
    return {
      messageId: messageId.S,
      state: state?.S === 'done' ? 'done' : 'pending',
      expiresAt: Number(expiresAt?.N ?? 0),
      ttl: Number(ttl?.N ?? 0),
      owner: owner?.S ?? '',
      objects: objects?.S ?? '',
    };
  }

  async remove(pk: string, owner: string, millis: number): Promise<void> {
    using deadline = new Deadline(millis);
    try {
      await this.#dynamoDb.send(
        proven(
          new DeleteItemCommand({
            TableName: this.#table,
            Key: { pk: { S: pk } },
            ConditionExpression: '#owner = :owner',
            ExpressionAttributeNames: { '#owner': 'owner' },
            ExpressionAttributeValues: { ':owner': { S: owner } },
            ReturnConsumedCapacity: 'TOTAL',
          }),
          this.#provesTable,
        ),
        { abortSignal: deadline.signal },
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  }
}

/** DynamoDB allows 400 KB for a row. */
const OBJECTS_OCTETS = 380_000;

interface EncodedObjects {
  readonly schemaVersion: 1;
  /** The recipients were too many for a row: the next try has the same. */
  readonly recipientsOmitted: boolean;
  readonly objects: readonly EncodedObject[];
}

interface EncodedObject {
  readonly messageId: string;
  readonly key: string;
  readonly record: MailRecord;
  readonly trace: string;
  readonly uploadId?: string;
}

/** `''` where not even the objects without their recipients fit: then the next try is a new mail. */
export function encodeObjects(objects: readonly PlannedObject[]): string {
  for (const recipientsOmitted of [false, true]) {
    const encoded: EncodedObjects = {
      schemaVersion: 1,
      recipientsOmitted,
      objects: objects.map(({ messageId, key, record, trace, upload }) => ({
        messageId,
        key,
        record: recipientsOmitted ? withRecipients(record, []) : record,
        trace: trace.toString(),
        ...(upload && { uploadId: upload.uploadId }),
      })),
    };
    const text = JSON.stringify(encoded);
    if (Buffer.byteLength(text) <= OBJECTS_OCTETS) return text;
  }
  return '';
}

/**
 * The objects of the commit that wrote the row. `own`, the objects of the same mail now, give the recipients that were
 * left out. `undefined` where they cannot be known.
 */
export function decodeObjects(
  text: string,
  own: readonly PlannedObject[],
): readonly PlannedObject[] | undefined {
  if (text === '') return undefined;
  const { schemaVersion, recipientsOmitted, objects } = JSON.parse(text) as EncodedObjects;
  // A later release wrote it.
  if (schemaVersion !== 1) return undefined;
  if (recipientsOmitted && objects.length !== own.length) return undefined;
  return objects.map(({ messageId, key, record, trace, uploadId }, index) => ({
    messageId,
    key,
    record: recipientsOmitted
      ? withRecipients(record, own[index]?.record.member.envelope.recipients ?? [])
      : record,
    trace: Buffer.from(trace),
    ...(uploadId !== undefined && { upload: { uploadId } }),
  }));
}

function withRecipients(
  record: MailRecord,
  recipients: MailRecord['member']['envelope']['recipients'],
): MailRecord {
  const { member } = record;
  return { ...record, member: { ...member, envelope: { ...member.envelope, recipients } } };
}
