// Slow hashes: a few at a time, a bounded queue, and once for each client that comes again and again.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CredentialAdministration, createAuthenticator } from '../../src/credentials/index.ts';
import { issueGrants } from '../../src/policy/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { codeOf, plain, recorder, session, TEMPORARY, TestClock } from './support.ts';

let aws: TestAws;
let administration: CredentialAdministration;
let device: string;
const password = 'correct horse';
beforeAll(async () => {
  aws = await startTestAws();
  administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
  for (const username of ['ann', 'bob', 'cid']) {
    await administration.add({ username, secret: { kind: 'password', password } });
  }
  device = (await administration.add({ username: 'device' })).generated ?? '';
});
afterAll(() => aws.close());

function start(hashing: { concurrency: number; queue: number }) {
  const clock = new TestClock();
  const observed = recorder();
  const authenticator = createAuthenticator({
    issueGrants,
    client: aws.dynamoDb,
    table: aws.resources.table,
    clock,
    observe: observed.observe,
    hashing,
    // So that nothing but hashing takes time, and what is said at once comes to the lanes at once.
    cache: { seconds: 3600 },
    recordLastUse: false,
  });
  return {
    clock,
    events: observed.events,
    signIn: async (username: string, secret: string, address?: string) =>
      authenticator.authenticate(plain(username, secret), session(address)),
  };
}

test('what finds neither lane nor place in the queue is 454 after a wait, and not a failure of the client', async () => {
  const { clock, events, signIn } = start({ concurrency: 1, queue: 1 });
  const codes = await Promise.all(
    Array.from({ length: 5 }, async () => codeOf(await signIn('ann', password))),
  );
  expect(codes.toSorted((a, b) => a - b)).toEqual([235, 235, 454, 454, 454]);
  expect(events).toContainEqual(expect.objectContaining({ cause: 'overloaded', code: 454 }));
  // The first of three waits 500 ms, and time has passed for the others then.
  expect(clock.delays).toEqual([500, 0, 0]);
  expect(codeOf(await signIn('ann', password))).toBe(235);
});

test('a generated secret never waits for the slow ones', async () => {
  const { signIn } = start({ concurrency: 1, queue: 0 });
  await signIn('device', device);
  const order: string[] = [];
  await Promise.all([
    signIn('ann', password).then(() => order.push('ann')),
    signIn('device', device).then(() => order.push('device')),
  ]);
  expect(order).toEqual(['device', 'ann']);
});

test('a password that was found right is not hashed again', async () => {
  const { signIn } = start({ concurrency: 1, queue: 1 });
  expect(codeOf(await signIn('ann', password))).toBe(235);
  expect(codeOf(await signIn('bob', password))).toBe(235);
  // Three at once, for one lane and one place before it: two of them need neither.
  const codes = await Promise.all(
    ['cid', 'ann', 'bob'].map(async (username) => codeOf(await signIn(username, password))),
  );
  expect(codes).toEqual([235, 235, 235]);
});

test('a wrong password is hashed each time, also after the right one', async () => {
  const { signIn } = start({ concurrency: 1, queue: 1 });
  await signIn('ann', password);
  await signIn('bob', password);
  const answers = ['bob', 'ann', 'cid'].map((username) => signIn(username, 'wrong'));
  expect(await Promise.all(answers)).toContainEqual(TEMPORARY);
});

test('a proof lasts five minutes', async () => {
  const { clock, signIn } = start({ concurrency: 1, queue: 1 });
  await signIn('ann', password);
  await signIn('bob', password);
  clock.pass(301);
  const answers = ['bob', 'ann', 'cid'].map((username) => signIn(username, password));
  expect(await Promise.all(answers)).toContainEqual(TEMPORARY);
});

test('while the queue is full, a right password from a new address is not told from a wrong one', async () => {
  const { events, signIn } = start({ concurrency: 1, queue: 0 });
  await signIn('ann', password);
  await pause(1000);
  await signIn('bob', 'wrong', '203.0.113.9');
  // The lane rests after each hash.
  await pause(1000);
  const busy = signIn('bob', password);
  const codes = await Promise.all(
    ['wrong', password].map(async (guess) => codeOf(await signIn('ann', guess, '198.51.100.1'))),
  );
  expect(codes).toEqual([454, 454]);
  const causes = events.flatMap((event) => ('cause' in event ? [event.cause] : []));
  expect(causes).toEqual(['wrong-secret', 'overloaded', 'overloaded']);
  expect(codeOf(await busy)).toBe(235);
});

test('a client with a full queue gives way to another, and to a user at a known address', async () => {
  const { signIn } = start({ concurrency: 1, queue: 3 });
  await signIn('cid', password, '192.0.2.99');
  // So that both are cached, and the lane has rested.
  for (const username of ['ann', 'bob']) await signIn(username, 'wrong', '203.0.113.9');
  await pause(500);
  const flood = ['ann', 'ann', 'ann', 'ann'].map(async (username) =>
    codeOf(await signIn(username, 'wrong', '198.51.100.2')),
  );
  await new Promise(setImmediate);
  const [other, known] = await Promise.all([
    signIn('bob', password, '198.51.100.3'),
    signIn('cid', password, '192.0.2.99'),
  ]);
  expect([codeOf(other), codeOf(known)]).toEqual([235, 235]);
  // cid's password is proven: its place in the queue is free again when bob asks for one.
  expect((await Promise.all(flood)).toSorted((a, b) => a - b)).toEqual([454, 535, 535, 535]);
});
