// DynamoDB's answers to a conditional write and to a read of a row: the table's name is in them, or the outcome is
// unknown.
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { proven, provesTable } from '../../../src/bridge/aws/proof.ts';
import { type Fault, type FaultyTable, startFaultyTable } from '../../credentials/faulty-table.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';

let aws: TestAws;
let faulty: FaultyTable;
beforeAll(async () => {
  aws = await startTestAws();
  faulty = await startFaultyTable(aws);
});
afterAll(async () => {
  await faulty[Symbol.asyncDispose]();
  await aws.close();
});

function put(table: string): PutItemCommand {
  return new PutItemCommand({
    TableName: table,
    Item: { pk: { S: 'proof' } },
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnConsumedCapacity: 'TOTAL',
  });
}

function get(table: string): GetItemCommand {
  return new GetItemCommand({
    TableName: table,
    Key: { pk: { S: 'nobody' } },
    ReturnConsumedCapacity: 'TOTAL',
  });
}

test.each<Fault>(['page', 'refusing-page', 'empty', 'other-table'])(
  'an answer "%s" of DynamoDB proves neither a write nor that there is no row',
  async (fault) => {
    const { table } = aws.resources;
    faulty.fault = fault;
    const unproven = {
      name: 'UnprovenAnswerError',
      message: expect.stringContaining(faulty.endpoint) as unknown,
      $metadata: { attempts: 3 },
    };
    await expect(faulty.client.send(proven(put(table), provesTable(table)))).rejects.toMatchObject(
      unproven,
    );
    await expect(
      faulty.client.send(proven(get(table), provesTable(table, 'nobody'))),
    ).rejects.toMatchObject(unproven);
  },
);

test('an answer of the table with another row does not prove a read', async () => {
  const { table } = aws.resources;
  faulty.fault = 'other-row';
  await expect(
    faulty.client.send(proven(get(table), provesTable(table, 'nobody'))),
  ).rejects.toMatchObject({ name: 'UnprovenAnswerError', $metadata: { attempts: 3 } });
});

test('what DynamoDB itself answers is believed, a condition that does not hold too', async () => {
  const { table } = aws.resources;
  faulty.fault = 'none';
  const { Item } = await faulty.client.send(proven(get(table), provesTable(table, 'nobody')));
  expect(Item).toBeUndefined();
  await faulty.client.send(proven(put(table), provesTable(table)));
  await expect(faulty.client.send(proven(put(table), provesTable(table)))).rejects.toMatchObject({
    name: 'ConditionalCheckFailedException',
  });
});
