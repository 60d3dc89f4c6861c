// The credential table, read and written. Knows DynamoDB and nothing of sign-in.
import { randomBytes } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
  type ScanCommandOutput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { answeredByTable, isRow, NAME_THE_TABLE } from '../counters/table-answers.ts';
import { KEY_ATTRIBUTE } from '../counters/table-attributes.ts';
import type { Credential } from './credential.ts';
import type { DecoySource } from './decoys.ts';
import { CREDENTIAL_KEY_PREFIX, credentialKey, type Item, readItem, writeItem } from './item.ts';

/** The first sign-in of a process waits for it. */
const DECOY_DEADLINE_MILLISECONDS = 1500;
const DECOY_KEY: Item = { [KEY_ATTRIBUTE]: { S: 'DECOY' } };

/** Another writer came between reading a credential and writing it. */
export class CredentialConflictError extends Error {
  override readonly name = 'CredentialConflictError';
  readonly code = 'MAILSLUICE_CREDENTIAL_CONFLICT';
}

/** A row of `list` that could not be read. */
export interface UnreadableRow {
  readonly key: string;
  readonly error: Error;
}

export class CredentialTable {
  readonly #client: DynamoDBClient;
  readonly name: string;

  constructor(client: DynamoDBClient, name: string) {
    this.#client = client;
    this.name = name;
  }

  /**
   * The credential of a canonical user name. Always a strongly consistent read: a secret made a moment ago
   * works, and one taken back is never read again. Throws the SDK's errors and `UnreadableCredentialError`.
   */
  async read(username: string, abortSignal?: AbortSignal): Promise<Credential | undefined> {
    const key = credentialKey(username);
    const command = new GetItemCommand({
      TableName: this.name,
      Key: key,
      ConsistentRead: true,
      ...NAME_THE_TABLE,
    });
    const { Item: item } = await this.#client.send(
      answeredByTable(command, ({ Item: found }) => isRow(found, key)),
      abortSignal && { abortSignal },
    );
    return item && readItem(item);
  }

  /** Writes a new credential. `false`: there is one of that name, and it stays as it is. */
  async create(credential: Credential): Promise<boolean> {
    return this.#unlessConflict(
      new PutItemCommand({
        TableName: this.name,
        Item: writeItem(credential),
        ...NAME_THE_TABLE,
        ConditionExpression: 'attribute_not_exists(pk)',
      }),
    );
  }

  /**
   * Reads a credential, changes it, and writes it with the next version. `undefined`: there is none.
   * Throws `CredentialConflictError` when others keep changing it.
   */
  async change(
    username: string,
    change: (credential: Credential) => Credential | Promise<Credential>,
  ): Promise<Credential | undefined> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const before = await this.read(username);
      if (before === undefined) return undefined;
      const after = { ...(await change(before)), version: before.version + 1 };
      const written = await this.#unlessConflict(
        new PutItemCommand({
          TableName: this.name,
          Item: writeItem(after),
          ...NAME_THE_TABLE,
          ConditionExpression: '#version = :before',
          ExpressionAttributeNames: { '#version': 'version' },
          ExpressionAttributeValues: { ':before': { N: String(before.version) } },
        }),
      );
      if (written) return after;
    }
    throw new CredentialConflictError(`${username}: others keep changing this credential`);
  }

  /** `false`: there was none. */
  async remove(username: string): Promise<boolean> {
    return this.#unlessConflict(
      new DeleteItemCommand({
        TableName: this.name,
        Key: credentialKey(username),
        ConditionExpression: 'attribute_exists(pk)',
        ...NAME_THE_TABLE,
      }),
    );
  }

  /** All credentials, page by page, in no order. A row that cannot be read is returned, not thrown. */
  async *list(): AsyncGenerator<Credential | UnreadableRow> {
    let from: Item | undefined;
    do {
      const page: ScanCommandOutput = await this.#client.send(
        answeredByTable(
          new ScanCommand({
            TableName: this.name,
            ConsistentRead: true,
            FilterExpression: 'begins_with(pk, :prefix)',
            ExpressionAttributeValues: { ':prefix': { S: CREDENTIAL_KEY_PREFIX } },
            ...(from && { ExclusiveStartKey: from }),
            ...NAME_THE_TABLE,
          }),
        ),
      );
      for (const item of page.Items ?? []) yield readRow(item);
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
  }

  /** Notes a use without touching the version, and only where the credential still is. */
  async recordUse(username: string, at: Date): Promise<void> {
    await this.#unlessConflict(
      new UpdateItemCommand({
        TableName: this.name,
        Key: credentialKey(username),
        UpdateExpression: 'SET lastUsedAt = :at',
        ConditionExpression: 'attribute_exists(pk)',
        ExpressionAttributeValues: { ':at': { N: String(Math.floor(at.getTime() / 1000)) } },
        ...NAME_THE_TABLE,
      }),
    );
  }

  /** What decoys are made from; `undefined` where no command of ours ever wrote to the table. */
  async readDecoySource(): Promise<DecoySource | undefined> {
    const command = new GetItemCommand({
      TableName: this.name,
      Key: DECOY_KEY,
      ...NAME_THE_TABLE,
    });
    const { Item: item } = await this.#client.send(
      answeredByTable(command, ({ Item: found }) => isRow(found, DECOY_KEY)),
      { abortSignal: AbortSignal.timeout(DECOY_DEADLINE_MILLISECONDS) },
    );
    const key = item?.['key']?.B;
    if (key === undefined) return undefined;
    return {
      key: Buffer.from(key),
      passwords: item?.['passwords']?.BOOL ?? false,
      // A row of before says nothing, and its table may hold such keys.
      fewIterations: item?.['fewIterations']?.BOOL ?? true,
    };
  }

  /** Makes the row for decoys where it is not there yet, and notes what decoys must look like from now on. */
  async prepareDecoys(like: {
    readonly passwords: boolean;
    readonly fewIterations: boolean;
  }): Promise<void> {
    const { passwords, fewIterations } = like;
    const isNew = await this.#unlessConflict(
      new PutItemCommand({
        TableName: this.name,
        Item: {
          ...DECOY_KEY,
          key: { B: randomBytes(32) },
          passwords: { BOOL: passwords },
          fewIterations: { BOOL: fewIterations },
        },
        ConditionExpression: 'attribute_not_exists(pk)',
        ...NAME_THE_TABLE,
      }),
    );
    const noted = [
      ...(passwords ? ['passwords'] : []),
      ...(fewIterations ? ['fewIterations'] : []),
    ];
    if (isNew || noted.length === 0) return;
    await this.#client.send(
      answeredByTable(
        new UpdateItemCommand({
          TableName: this.name,
          Key: DECOY_KEY,
          UpdateExpression: `SET ${noted.map((name) => `#${name} = :true`).join(', ')}`,
          ExpressionAttributeNames: Object.fromEntries(noted.map((name) => [`#${name}`, name])),
          ExpressionAttributeValues: { ':true': { BOOL: true } },
          ...NAME_THE_TABLE,
        }),
      ),
    );
  }

  async #unlessConflict(
    command: PutItemCommand | DeleteItemCommand | UpdateItemCommand,
  ): Promise<boolean> {
    try {
      if (command instanceof PutItemCommand) await this.#client.send(answeredByTable(command));
      else if (command instanceof DeleteItemCommand)
        await this.#client.send(answeredByTable(command));
      else await this.#client.send(answeredByTable(command));
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }
}

function readRow(item: Item): Credential | UnreadableRow {
  try {
    return readItem(item);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { key: item['pk']?.S ?? '', error };
  }
}
