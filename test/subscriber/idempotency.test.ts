// One suite for every store.
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Claim,
  dynamoDbIdempotencyStore,
  type IdempotencyStore,
  memoryIdempotencyStore,
} from '../../src/subscriber/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';

let aws: TestAws;
beforeAll(async () => {
  aws = await startTestAws();
});
afterAll(() => aws.close());

const MINUTE = 60_000;

function dynamoDb(scope?: string): IdempotencyStore {
  const { dynamoDb: client, resources } = aws;
  return dynamoDbIdempotencyStore({ client, table: resources.table, ...(scope && { scope }) });
}

function claimed(claim: Claim): Extract<Claim, { kind: 'claimed' }> {
  if (claim.kind !== 'claimed') throw new Error(`expected a claim, got ${claim.kind}`);
  return claim;
}

describe.each([
  ['memory', () => memoryIdempotencyStore()],
  ['DynamoDB', () => dynamoDb('suite')],
])('%s', (place, makeStore) => {
  test(`claims in ${place}: a mail that was completed is done`, async () => {
    const store = makeStore();
    await claimed(await store.claim('completed', MINUTE)).complete();
    expect(await store.claim('completed', MINUTE)).toEqual({ kind: 'done' });
  });

  test(`claims in ${place}: a mail that is worked on is in progress, and another one is not`, async () => {
    const store = makeStore();
    await store.claim('busy', MINUTE);
    expect(await store.claim('busy', MINUTE)).toEqual({ kind: 'in-progress' });
    expect(await store.claim('idle', MINUTE)).toMatchObject({ kind: 'claimed' });
  });

  test(`claims in ${place}: a mail that was released is free again`, async () => {
    const store = makeStore();
    await claimed(await store.claim('released', MINUTE)).release();
    expect(await store.claim('released', MINUTE)).toMatchObject({ kind: 'claimed' });
  });

  test(`claims in ${place}: of many at once exactly one gets it`, async () => {
    const store = makeStore();
    const claims = await Promise.all(
      Array.from({ length: 20 }, () => store.claim('contended', MINUTE)),
    );
    expect(claims.filter(({ kind }) => kind === 'claimed')).toHaveLength(1);
    expect(claims.filter(({ kind }) => kind === 'in-progress')).toHaveLength(19);
  });

  test(`claims in ${place}: the claim of one who was killed is free when its lease has ended`, async () => {
    const store = makeStore();
    await store.claim('killed', 0);
    expect(await store.claim('killed', MINUTE)).toMatchObject({ kind: 'claimed' });
  });

  test(`claims in ${place}: one whose lease has ended cannot free the claim of the next`, async () => {
    const store = makeStore();
    const late = claimed(await store.claim('late', 0));
    await store.claim('late', MINUTE);
    await late.release();
    expect(await store.claim('late', MINUTE)).toEqual({ kind: 'in-progress' });
  });

  test(`claims in ${place}: one whose lease has ended and who yet finishes makes it done for good`, async () => {
    const store = makeStore();
    const slow = claimed(await store.claim('slow', 0));
    const next = claimed(await store.claim('slow', MINUTE));
    await slow.complete();
    await next.release();
    expect(await store.claim('slow', MINUTE)).toEqual({ kind: 'done' });
  });
});

test('DynamoDB: two processes see each other’s claims, two scopes do not', async () => {
  await dynamoDb('one').claim('shared', MINUTE);
  expect(await dynamoDb('one').claim('shared', MINUTE)).toEqual({ kind: 'in-progress' });
  expect(await dynamoDb('other').claim('shared', MINUTE)).toMatchObject({ kind: 'claimed' });
});

test('DynamoDB: the item goes by TTL after the retention', async () => {
  const before = Math.floor(Date.now() / 1000);
  const { dynamoDb: client, resources } = aws;
  const store = dynamoDbIdempotencyStore({
    client,
    table: resources.table,
    scope: 'ttl',
    retentionSeconds: 3600,
  });
  await claimed(await store.claim('m', MINUTE)).complete();
  const { Item } = await client.send(
    new GetItemCommand({ TableName: resources.table, Key: { pk: { S: 'handled#ttl#m' } } }),
  );
  const expiresAt = Number(Item?.['expiresAt']?.N);
  expect(expiresAt).toBeGreaterThanOrEqual(before + 3600);
  expect(expiresAt).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000) + 3600);
});

test('DynamoDB: an outage leaves the mail for later', async () => {
  const { dynamoDb: client } = aws;
  const store = dynamoDbIdempotencyStore({ client, table: 'no-such-table' });
  await expect(store.claim('m', MINUTE)).rejects.toHaveProperty(
    'name',
    'ResourceNotFoundException',
  );
});

test('memory: forgets the oldest beyond its bound', async () => {
  const store = memoryIdempotencyStore({ maxEntries: 2 });
  for (const key of ['a', 'b', 'c']) await claimed(await store.claim(key, MINUTE)).complete();
  expect(await store.claim('c', MINUTE)).toEqual({ kind: 'done' });
  expect(await store.claim('b', MINUTE)).toEqual({ kind: 'done' });
  expect(await store.claim('a', MINUTE)).toMatchObject({ kind: 'claimed' });
});
