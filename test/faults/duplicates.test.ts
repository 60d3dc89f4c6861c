// The duplicate guard: a resent mail gets its first messageId again; in doubt a mail is stored, never lost.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { BridgeOptions } from '../../src/bridge/options.ts';
import { deliver, type FactsInput, facts } from '../bridge/support.ts';
import { expectAnnounced, type FaultBench, startFaultBench } from './bridge-under-faults.ts';

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

function guarded(options: Partial<BridgeOptions> = {}) {
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

test('forgets after the window', async () => {
  const { dynamoDb, resources } = bench.aws;
  const bridge = guarded({ duplicates: { dynamoDb, table: resources.table, windowSeconds: 0 } });
  const content = mail();
  await bridge.deliver(content);
  await bridge.deliver(content);
  expect(await bridge.stored()).toHaveLength(2);
});
