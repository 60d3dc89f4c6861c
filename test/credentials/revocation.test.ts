// How fast a change to the table reaches a running server, and how much sign-in costs the table.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type Authenticator,
  CredentialAdministration,
  createAuthenticator,
} from '../../src/credentials/index.ts';
import type { Credential } from '../../src/credentials/credential.ts';
import { ruleAgainst } from '../../src/credentials/identity-review.ts';
import { issueGrants } from '../../src/policy/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { type FaultyTable, startFaultyTable } from './faulty-table.ts';
import { codeOf, INVALID, plain, recorder, session, TestClock } from './support.ts';

let aws: TestAws;
let table: FaultyTable;
let administration: CredentialAdministration;
let authenticator: Authenticator;
let clock: TestClock;
let observed: ReturnType<typeof recorder>;

beforeAll(async () => {
  aws = await startTestAws();
  table = await startFaultyTable(aws);
  administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
});
beforeEach(() => {
  clock = new TestClock();
  observed = recorder();
  authenticator = createAuthenticator({
    issueGrants,
    client: table.client,
    table: aws.resources.table,
    clock,
    observe: observed.observe,
    recordLastUse: false,
  });
});
afterAll(async () => {
  await table[Symbol.asyncDispose]();
  await aws.close();
});

let names = 0;
async function added(): Promise<{ username: string; secret: string }> {
  const username = `user-${names++}`;
  const { generated: secret = '' } = await administration.add({ username });
  return { username, secret };
}

async function signIn(username: string, secret: string): Promise<number> {
  return codeOf(await authenticator.authenticate(plain(username, secret), session()));
}

/** The code at each moment, in seconds from now. */
async function codesAt(
  moments: readonly number[],
  username: string,
  secret: string,
): Promise<number[]> {
  const codes: number[] = [];
  let before = 0;
  for (const moment of moments) {
    clock.pass(moment - before);
    before = moment;
    codes.push(await signIn(username, secret));
  }
  return codes;
}

test('a disabled credential stops within a minute, and an enabled one works at once', async () => {
  const { username, secret } = await added();
  expect(await signIn(username, secret)).toBe(235);
  await administration.setEnabled(username, false);
  const codes = await codesAt([0, 30, 49, 51, 60], username, secret);
  expect(codes).toEqual([235, 235, 235, 535, 535]);
  await administration.setEnabled(username, true);
  expect(await signIn(username, secret)).toBe(235);
});

test('a table that fails now and then does not let a revoked credential live on', async () => {
  const { username, secret } = await added();
  await signIn(username, secret);
  await administration.setEnabled(username, false);
  clock.pass(51);
  table.fault = 'unavailable';
  expect(await signIn(username, secret)).toBe(235);
  table.fault = 'none';
  expect(await signIn(username, secret)).toBe(535);
});

const changes: [string, (username: string) => Promise<unknown>][] = [
  ['disabled', (name) => administration.setEnabled(name, false)],
  ['removed', (name) => administration.remove(name)],
  [
    'given a new secret',
    (name) => {
      const now = new Date(clock.now());
      return administration.rotate(name, { kind: 'generated' }, now, now);
    },
  ],
  [
    'moved to another network',
    async (name) => {
      const before = await administration.read(name);
      await administration.replace({ ...before, grants: { allowedCidrs: ['203.0.113.0/24'] } });
    },
  ],
];

test.each(changes)(
  'an open session of a credential that is %s ends within a minute, while the cache is kept',
  async (_, change) => {
    const { username, secret } = await added();
    const answer = await authenticator.authenticate(plain(username, secret), session());
    if (answer.kind !== 'accept') throw new Error(answer.kind);
    const open = { ...session(), identity: answer.identity };
    const review = async (): Promise<string> => (await authenticator.review(open)).kind;
    expect(await review()).toBe('valid');
    await change(username);
    clock.pass(60);
    expect(await review()).toBe('revoked');
  },
);

test('an open session that signed in with the old secret ends with the overlap, while the cache is kept', async () => {
  const { username, secret } = await added();
  const now = new Date(clock.now());
  const keepUntil = new Date(clock.now() + 30_000);
  await administration.rotate(username, { kind: 'generated' }, keepUntil, now);
  const answer = await authenticator.authenticate(plain(username, secret), session());
  if (answer.kind !== 'accept') throw new Error(answer.kind);
  const open = { ...session(), identity: answer.identity };
  clock.pass(29);
  expect((await authenticator.review(open)).kind).toBe('valid');
  clock.pass(1);
  expect((await authenticator.review(open)).kind).toBe('revoked');
});

test('a removed credential stops within a minute, also when the name was given away again', async () => {
  const { username, secret } = await added();
  await signIn(username, secret);
  await administration.remove(username);
  const { generated: next = '' } = await administration.add({ username });
  expect(await signIn(username, next)).toBe(235);
  expect(await signIn(username, secret)).toBe(535);
});

test('a chosen password that was replaced is not remembered under the same version', async () => {
  const username = `user-${names++}`;
  const secret = (password: string) => ({ kind: 'password' as const, password });
  await administration.add({ username, secret: secret('first password') });
  expect(await signIn(username, 'first password')).toBe(235);
  await administration.remove(username);
  await administration.add({ username, secret: secret('second password') });
  clock.pass(51);
  expect(await signIn(username, 'first password')).toBe(535);
  expect(await signIn(username, 'second password')).toBe(235);
});

test('a credential expires on the second, cached or not', async () => {
  const username = `user-${names++}`;
  const expiresAt = new Date(clock.now() + 10_000);
  const { generated: secret = '' } = await administration.add({ username, expiresAt });
  expect(await codesAt([0, 9, 10, 11], username, secret)).toEqual([235, 235, 535, 535]);
});

test('a new credential works at once, right after it was refused', async () => {
  const username = `user-${names++}`;
  expect(await signIn(username, 'not yet')).toBe(535);
  const { generated: secret = '' } = await administration.add({ username });
  expect(await signIn(username, secret)).toBe(235);
});

test('rotation: the new secret works at once and the old one until its end', async () => {
  const { username, secret: old } = await added();
  expect(await signIn(username, old)).toBe(235);
  const { generated: next = '' } = await administration.rotate(
    username,
    { kind: 'generated' },
    new Date(clock.now() + 3600_000),
    new Date(clock.now()),
  );
  expect(await signIn(username, next)).toBe(235);
  expect(await signIn(username, old)).toBe(235);
  clock.pass(3599);
  expect(await signIn(username, old)).toBe(235);
  clock.pass(1);
  expect(await signIn(username, old)).toBe(535);
  expect(await signIn(username, next)).toBe(235);
});

test('rotation twice: never more than two secrets', async () => {
  const { username, secret: first } = await added();
  const later = new Date(clock.now() + 3600_000);
  const now = new Date(clock.now());
  const { generated: second = '' } = await administration.rotate(
    username,
    { kind: 'generated' },
    later,
    now,
  );
  const { generated: third = '' } = await administration.rotate(
    username,
    { kind: 'generated' },
    later,
    now,
  );
  expect(await signIn(username, first)).toBe(535);
  expect(await signIn(username, second)).toBe(235);
  expect(await signIn(username, third)).toBe(235);
});

test('a secret that leaked ends with the rotation, within a minute', async () => {
  const { username, secret: leaked } = await added();
  await signIn(username, leaked);
  const now = new Date(clock.now());
  await administration.rotate(username, { kind: 'generated' }, now, now);
  clock.pass(51);
  expect(await signIn(username, leaked)).toBe(535);
});

test('a user who signs in again and again is read once a minute', async () => {
  const { username, secret } = await added();
  await signIn(username, secret);
  table.operations.length = 0;
  for (let again = 0; again < 50; again++) expect(await signIn(username, secret)).toBe(235);
  expect(table.operations).toEqual([]);
  clock.pass(51);
  await signIn(username, secret);
  expect(table.operations).toEqual(['GetItem']);
  expect(observed.events.map((event) => 'source' in event && event.source)).toEqual([
    'table',
    ...Array<string>(50).fill('cache'),
    'table',
  ]);
});

test('the networks of a credential are parsed once, however often it is looked at', () => {
  let parsed = 0;
  const allowedCidrs = new Proxy(['192.0.2.0/24', '2001:db8::/32'], {
    get: (networks, name, receiver) => {
      if (name === 'flatMap') parsed += 1;
      return Reflect.get(networks, name, receiver) as unknown;
    },
  });
  const createdAt = new Date(0);
  const credential: Credential = {
    username: 'near',
    version: 1,
    enabled: true,
    secrets: [],
    grants: { allowedCidrs },
    createdAt,
  };
  for (let again = 0; again < 100; again += 1) {
    expect(ruleAgainst(credential, { clientAddress: '192.0.2.7' }, 0)).toBeUndefined();
    expect(ruleAgainst(credential, { clientAddress: '198.51.100.7' }, 0)).toBe(
      'address-not-allowed',
    );
  }
  expect(parsed).toBe(1);
});

test('many sign-ins of one user at once are one reading', async () => {
  const { username, secret } = await added();
  await signIn('somebody', 'else');
  table.operations.length = 0;
  const codes = await Promise.all(Array.from({ length: 40 }, () => signIn(username, secret)));
  expect(new Set(codes)).toEqual(new Set([235]));
  expect(table.operations).toEqual(['GetItem']);
});

test('a wrong password of a cached user and an unknown user cost the table the same', async () => {
  const { username, secret } = await added();
  await signIn(username, secret);
  table.operations.length = 0;
  expect(await authenticator.authenticate(plain(username, 'wrong'), session())).toEqual(INVALID);
  const known = table.operations.splice(0);
  expect(await authenticator.authenticate(plain('unknown', 'wrong'), session())).toEqual(INVALID);
  expect(known).toEqual(['GetItem']);
  expect(table.operations).toEqual(['GetItem']);
});
