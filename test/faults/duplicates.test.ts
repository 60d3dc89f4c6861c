// The duplicate guard: a resent mail gets its first messageId again; in doubt a mail is stored, never lost.
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createRoutes } from '../../src/policy/routes.ts';
import { deliver, type FactsInput, facts } from '../bridge/support.ts';
import {
  announced,
  type BenchOptions,
  expectAnnounced,
  type FaultBench,
  startFaultBench,
} from './bridge-under-faults.ts';

const MAIL = 'From: a@b.example\r\n\r\nHello.\r\n';
const ALWAYS = 1000;

let bench: FaultBench;
beforeAll(async () => {
  bench = await startFaultBench();
});
afterEach(() => bench.clear());
afterAll(() => bench[Symbol.asyncDispose]());

let number = 0;
/** A content of its own for each test, since the table outlives them. */
function mail(): string {
  number += 1;
  return `${MAIL}${number}\r\n`;
}

function guarded(options: BenchOptions = {}) {
  const { dynamoDb, resources } = bench.aws;
  return bench.makeBridge({
    duplicates: { dynamoDb, table: resources.table, windowSeconds: 3600 },
    ...options,
  });
}

test('answers a resent mail with the first messageId, and stores and announces nothing for it', async () => {
  const bridge = guarded();
  const content = mail();
  const first = facts();
  const reply = await bridge.deliver(content, first);
  expect(reply).toMatchObject({ code: 250, text: `Ok: queued as ${first.messageId}` });
  for (let n = 0; n < 2; n += 1) expect(await bridge.deliver(content)).toEqual(reply);
  expect(await bridge.stored()).toHaveLength(1);
  await expectAnnounced(bench, [first.messageId]);
  expect(
    bench.events.filter(
      (event) => event.kind === 'message-accepted' && event.duplicateOf === first.messageId,
    ),
  ).toHaveLength(2);
});

test('answers a resent mail in parts too, and leaves no upload behind', async () => {
  const bridge = guarded();
  const content = Buffer.concat([
    Buffer.from(mail()),
    Buffer.alloc(11 * 1024 * 1024, 'abcdefg\r\n'),
  ]);
  const reply = await bridge.deliver(content);
  expect(await bridge.deliver(content)).toEqual(reply);
  await bridge.idle();
  expect(await bridge.stored()).toHaveLength(1);
  expect(bench.proxy.count('CompleteMultipartUpload')).toBe(1);
  expect(bench.proxy.count('AbortMultipartUpload')).toBe(1);
});

test.each<[string, FactsInput, FactsInput]>([
  ['sender', {}, { from: 'other@sender.example' }],
  ['recipients', {}, { to: ['bob@in.example', 'eve@in.example'] }],
  ['listener', {}, { session: { listener: 'submission' } }],
  ['user', {}, { session: { identity: { username: 'u', mechanism: 'PLAIN' } } }],
])('takes the same content from another %s for another mail', async (_, one, other) => {
  const bridge = guarded();
  const content = mail();
  await bridge.deliver(content, facts(one));
  await bridge.deliver(content, facts(other));
  expect(await bridge.stored()).toHaveLength(2);
});

test('takes the recipients in another order for the same mail', async () => {
  const bridge = guarded();
  const content = mail();
  const reply = await bridge.deliver(content, facts({ to: ['a@in.example', 'b@in.example'] }));
  expect(await bridge.deliver(content, facts({ to: ['b@in.example', 'a@in.example'] }))).toEqual(
    reply,
  );
});

test('two tasks get both copies at once: one object, one notification, one messageId', async () => {
  const prefix = `twice-${number}/`;
  const one = guarded({ prefix });
  const other = guarded({ prefix });
  const content = mail();
  // The first to put is slow, so that the other has to wait for it.
  bench.proxy.inject('PutObject', { kind: 'delay', millis: 400 });
  const replies = await Promise.all(
    Array.from({ length: 6 }, (_, n) => deliver(n % 2 === 0 ? one : other, facts(), content)),
  );
  expect(replies[0]).toMatchObject({ code: 250 });
  expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
  expect(await one.stored()).toHaveLength(1);
  await expectAnnounced(bench, [String(replies[0]?.text).slice(-40)]);
});

test('the first try failed: the next one is taken as new', async () => {
  const bridge = guarded();
  const content = mail();
  bench.proxy.inject('PutObject', { kind: 'refuse', status: 403, code: 'AccessDenied' }, 2);
  expect(await bridge.deliver(content)).toMatchObject({ code: 451 });
  bench.proxy.reset();
  const second = facts();
  expect(await bridge.deliver(content, second)).toMatchObject({
    code: 250,
    text: `Ok: queued as ${second.messageId}`,
  });
  expect(await bridge.stored()).toHaveLength(1);
});

test('a commit of the same mail that does not end: 451, and nothing is stored for the second', async () => {
  const bridge = guarded({ limits: { commitSeconds: 1 } });
  const content = mail();
  bench.proxy.inject('PutObject', { kind: 'hang' }, ALWAYS);
  const first = bridge.deliver(content);
  await bench.proxy.arrival('PutObject');
  const replies = await Promise.all([first, bridge.deliver(content)]);
  for (const reply of replies) expect(reply).toMatchObject({ code: 451 });
  expect(await bridge.stored()).toEqual([]);
});

test.each([
  ['down', { kind: 'refuse', status: 500, code: 'InternalServerError' }],
  ['throttling', { kind: 'refuse', status: 400, code: 'ProvisionedThroughputExceededException' }],
  ['without the table', { kind: 'refuse', status: 400, code: 'ResourceNotFoundException' }],
] as const)('DynamoDB %s: the mail goes on without the guard', async (_, fault) => {
  const bridge = guarded();
  bench.dynamoDbProxy.inject('any', fault, ALWAYS);
  expect(await bridge.deliver(mail())).toMatchObject({ code: 250 });
  expect(await bridge.stored()).toHaveLength(1);
  expect(bench.events.filter(({ kind }) => kind === 'duplicate-guard-failed')).toHaveLength(1);
});

test.each([
  ['an empty object', '{}'],
  ['another table', '{"ConsumedCapacity":{"TableName":"other","CapacityUnits":1}}'],
  ['a page of HTML', '<html><body>It works!</body></html>'],
])(
  '%s with status 200 is no answer of DynamoDB: the mail goes on without the guard',
  async (_, text) => {
    const bridge = guarded();
    const answer = () => ({
      status: 200,
      headers: { 'content-type': 'application/x-amz-json-1.0' },
      body: Buffer.from(text),
    });
    bench.dynamoDbProxy.inject('any', { kind: 'answer', carriesOut: false, answer }, ALWAYS);
    expect(await bridge.deliver(mail())).toMatchObject({ code: 250 });
    expect(await bridge.stored()).toHaveLength(1);
    expect(bench.events.filter(({ kind }) => kind === 'duplicate-guard-failed')).toHaveLength(1);
  },
);

test('a commit longer than the lease renews its claim: the second copy waits for it', {
  timeout: 30_000,
}, async () => {
  const bridge = guarded();
  const content = mail();
  const of = facts();
  // A try ends after 6 s.
  bench.proxy.inject('PutObject', { kind: 'hang' });
  const first = bridge.deliver(content, of);
  await bench.proxy.arrival('PutObject');
  expect(await bridge.deliver(content)).toEqual(await first);
  expect(bench.proxy.count('PutObject')).toBe(2);
  expect(await bridge.stored()).toHaveLength(1);
  await expectAnnounced(bench, [of.messageId]);
});

/** As if its task had died a while ago: the claim of the commit that is in progress. */
async function endLease(): Promise<void> {
  const { dynamoDb, resources } = bench.aws;
  const claim = bench.dynamoDbProxy.seen.find(({ operation }) => operation === 'PutItem');
  const { Item } = JSON.parse(String(claim?.body)) as { Item: { pk: { S: string } } };
  await dynamoDb.send(
    new UpdateItemCommand({
      TableName: resources.table,
      Key: { pk: Item.pk },
      UpdateExpression: 'SET expiresAt = :past',
      ExpressionAttributeValues: { ':past': { N: '0' } },
    }),
  );
}

describe.each(['signed', 'sdk'] as const)('taken over (%s requests)', (requests) => {
  test('while its task is slow: both answer the first messageId, and there is one object', async () => {
    const bridge = guarded({ requests });
    const content = mail();
    const of = facts();
    const { promise: until, resolve: goOn } = Promise.withResolvers<void>();
    bench.proxy.inject('PutObject', { kind: 'hold', until });
    const slow = bridge.deliver(content, of);
    await bench.proxy.arrival('PutObject');
    await endLease();
    const reply = await bridge.deliver(content);
    expect(reply).toMatchObject({ code: 250, text: `Ok: queued as ${of.messageId}` });
    goOn();
    expect(await slow).toEqual(reply);
    expect(await bridge.stored()).toHaveLength(1);
    expect(
      new Set((await announced(bench.aws, 2)).map(({ mail: { messageId } }) => messageId)),
    ).toEqual(new Set([of.messageId]));
    expect(await bridge.deliver(content)).toEqual(reply);
  });

  test('a mail in parts while its task is slow: the upload is ended, and there is one object', async () => {
    const bridge = guarded({ requests });
    const content = Buffer.concat([
      Buffer.from(mail()),
      Buffer.alloc(9 * 1024 * 1024, 'abcdefg\r\n'),
    ]);
    const { promise: until, resolve: goOn } = Promise.withResolvers<void>();
    bench.proxy.inject('CompleteMultipartUpload', { kind: 'hold', until });
    const slow = bridge.deliver(content);
    await bench.proxy.arrival('CompleteMultipartUpload');
    await endLease();
    const of = facts();
    const reply = await bridge.deliver(content, of);
    expect(reply).toMatchObject({ code: 250, text: `Ok: queued as ${of.messageId}` });
    goOn();
    // Its upload is gone: the sender comes again, and hears the messageId of the other.
    expect(await slow).toMatchObject({ code: 451 });
    expect(await bridge.deliver(content)).toEqual(reply);
    expect(await bridge.stored()).toHaveLength(1);
    await expectAnnounced(bench, [of.messageId]);
  });
});

test('SNS and the outbox down, then the next try: 250 under the first messageId, and no orphan', async () => {
  const bridge = guarded({ hasty: 'sns' });
  const content = mail();
  const of = facts();
  const down = { kind: 'refuse', status: 503, code: 'ServiceUnavailable' } as const;
  bench.proxy.inject('Publish', down, ALWAYS);
  bench.proxy.inject('PublishBatch', down, ALWAYS);
  bench.proxy.inject('PutObject', down, ALWAYS, ({ key }) => key.startsWith('outbox/'));
  expect(await bridge.deliver(content, of)).toMatchObject({ code: 451 });
  bench.proxy.reset();
  expect(await bridge.deliver(content)).toMatchObject({
    code: 250,
    text: `Ok: queued as ${of.messageId}`,
  });
  expect(await bridge.stored()).toHaveLength(1);
});

test('a mail in parts, S3 does not say what became of the first try: 451, and the next try goes on', async () => {
  const bridge = guarded({ hasty: 's3', limits: { commitSeconds: 4 } });
  const content = Buffer.concat([
    Buffer.from(mail()),
    Buffer.alloc(9 * 1024 * 1024, 'abcdefg\r\n'),
  ]);
  const of = facts();
  const down = { kind: 'refuse', status: 503, code: 'SlowDown' } as const;
  bench.proxy.inject('CompleteMultipartUpload', { kind: 'reset-after' }, ALWAYS);
  bench.proxy.inject('ListObjectsV2', down, ALWAYS);
  expect(await bridge.deliver(content, of)).toMatchObject({ code: 451 });
  expect(await bridge.deliver(content)).toMatchObject({ code: 451 });
  bench.proxy.reset();
  expect(await bridge.deliver(content)).toMatchObject({
    code: 250,
    text: `Ok: queued as ${of.messageId}`,
  });
  expect(await bridge.stored()).toHaveLength(1);
  await expectAnnounced(bench, [of.messageId]);
});

test('a mail in parts, the routes have changed since the first try: every recipient in one announced object', async () => {
  const to = ['a@one.example', 'b@two.example'];
  const content = Buffer.concat([
    Buffer.from(mail()),
    Buffer.alloc(9 * 1024 * 1024, 'abcdefg\r\n'),
  ]);
  const before = guarded({
    routes: createRoutes(
      [
        { recipients: ['*@one.example'], prefix: `one-${number}/` },
        { recipients: ['*@two.example'], prefix: `two-${number}/` },
      ],
      'mx.in.example',
    ),
  });
  const isTwo = ({ key }: { key: string }): boolean => key.startsWith('two-');
  bench.proxy.inject(
    'CompleteMultipartUpload',
    { kind: 'refuse', status: 403, code: 'AccessDenied' },
    9,
    isTwo,
  );
  expect(await before.deliver(content, facts({ to }))).toMatchObject({ code: 451 });
  const after = guarded();
  const of = facts({ to });
  expect(await after.deliver(content, of)).toMatchObject({
    code: 250,
    text: `Ok: queued as ${of.messageId}`,
  });
  expect(await after.stored()).toHaveLength(1);
  await expectAnnounced(bench, [of.messageId]);
});

test('the task has no rights any more where the first try would have stored: 451 once, then a new mail', async () => {
  const bridge = guarded({ hasty: 's3', limits: { commitSeconds: 2 } });
  const content = mail();
  bench.proxy.inject('PutObject', { kind: 'reset-before' }, ALWAYS);
  expect(await bridge.deliver(content)).toMatchObject({ code: 451 });
  bench.proxy.reset();
  bench.proxy.inject('PutObject', { kind: 'refuse', status: 403, code: 'AccessDenied' }, 2);
  expect(await bridge.deliver(content)).toMatchObject({ code: 451 });
  bench.proxy.reset();
  const of = facts();
  expect(await bridge.deliver(content, of)).toMatchObject({
    code: 250,
    text: `Ok: queued as ${of.messageId}`,
  });
  expect(await bridge.stored()).toHaveLength(1);
  await expectAnnounced(bench, [of.messageId]);
});

test('forgets after the window', async () => {
  const { dynamoDb, resources } = bench.aws;
  const bridge = guarded({ duplicates: { dynamoDb, table: resources.table, windowSeconds: 0 } });
  const content = mail();
  await bridge.deliver(content);
  await bridge.deliver(content);
  expect(await bridge.stored()).toHaveLength(2);
});
