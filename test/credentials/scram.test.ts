import { execFileSync } from 'node:child_process';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type Authenticator,
  CredentialAdministration,
  createAuthenticator,
} from '../../src/credentials/index.ts';
import { issueGrants } from '../../src/policy/index.ts';
import { deriveScramKeys } from '../../src/credentials/scram-keys.ts';
import type { ScramVerifier, SignInAnswer } from '../../src/smtp/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { need } from '../support/programs.ts';
import { prove, ScramClient } from './scram-client.ts';
import { codeOf, INVALID, LOCKED, recorder, session, TestClock } from './support.ts';

let aws: TestAws;
let administration: CredentialAdministration;
let authenticator: Authenticator;
let clock: TestClock;
let observed: ReturnType<typeof recorder>;

beforeAll(async () => {
  aws = await startTestAws();
  administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
});
beforeEach(() => {
  clock = new TestClock();
  observed = recorder();
  authenticator = start();
});
afterAll(() => aws.close());

function start(): Authenticator {
  return createAuthenticator({
    issueGrants,
    client: aws.dynamoDb,
    table: aws.resources.table,
    clock,
    observe: observed.observe,
    recordLastUse: false,
  });
}

type Verify = SignInAnswer & { kind: 'verify' };

async function begin(
  username: string,
  { authorizationId, by = authenticator }: { authorizationId?: string; by?: Authenticator } = {},
  address?: string,
): Promise<Verify> {
  const answer = await by.authenticate(
    {
      kind: 'scram',
      mechanism: 'SCRAM-SHA-256',
      username,
      ...(authorizationId !== undefined && { authorizationId }),
    },
    session(address),
  );
  if (answer.kind !== 'verify') throw new Error(`expected verify, got ${answer.kind}`);
  return answer;
}

async function signIn(username: string, password: string, authorizationId?: string) {
  const { verifiers, settle } = await begin(
    username,
    authorizationId === undefined ? {} : { authorizationId },
  );
  return settle(prove(username, password, verifiers).fits !== -1);
}

test('a generated secret signs in, and the server proves itself', async () => {
  const { generated: secret = '' } = await administration.add({ username: 'device' });
  const { verifiers, settle } = await begin('Device');
  expect(prove('device', secret, verifiers)).toEqual({ fits: 0, serverIsGenuine: true });
  expect(await settle(true)).toMatchObject({
    kind: 'accept',
    identity: { username: 'device', mechanism: 'SCRAM-SHA-256' },
  });
});

test('a chosen password signs in, as SASLprep prepares it, and its keys cost as much as OWASP asks', async () => {
  await administration.add({
    username: 'person',
    secret: { kind: 'password', password: 'Ⅸ horses' },
  });
  const { verifiers } = await begin('person');
  expect(verifiers[0]?.iterations).toBe(600_000);
  expect(await signIn('person', 'IX horses')).toMatchObject({ kind: 'accept' });
});

test('during a rotation both secrets fit, under one salt', async () => {
  const { generated: old = '' } = await administration.add({ username: 'rotating' });
  const until = new Date(clock.now() + 3600_000);
  const { generated: next = '' } = await administration.rotate(
    'rotating',
    { kind: 'generated' },
    until,
    new Date(clock.now()),
  );
  const { verifiers } = await begin('rotating');
  expect(prove('rotating', next, verifiers)).toEqual({ fits: 0, serverIsGenuine: true });
  expect(prove('rotating', old, verifiers)).toEqual({ fits: 1, serverIsGenuine: true });
  clock.pass(3600);
  expect(codeOf(await signIn('rotating', old))).toBe(535);
  expect(codeOf(await signIn('rotating', next))).toBe(235);
});

test('a secret made a moment ago fits at once, whatever is cached', async () => {
  const { generated: old = '' } = await administration.add({ username: 'fresh' });
  expect(codeOf(await signIn('fresh', old))).toBe(235);
  const now = new Date(clock.now());
  const { generated: next = '' } = await administration.rotate(
    'fresh',
    { kind: 'generated' },
    now,
    now,
  );
  expect(codeOf(await signIn('fresh', next))).toBe(235);
  expect(codeOf(await signIn('fresh', old))).toBe(535);
});

test('an unknown user gets keys that nothing fits, the same at every attempt and at every task', async () => {
  const one = (await begin('nobody')).verifiers;
  const again = (await begin('NOBODY')).verifiers;
  const elsewhere = (await begin('nobody', { by: start() })).verifiers;
  expect(again).toEqual(one);
  expect(elsewhere).toEqual(one);
  expect((await begin('somebody')).verifiers).not.toEqual(one);
  expect(prove('nobody', 'x', one).fits).toBe(-1);
  expect(await signIn('nobody', 'x')).toEqual(INVALID);
});

test('the iteration count is the same for a generated secret, a chosen password and an unknown user', async () => {
  await administration.add({ username: 'machine' });
  await administration.add({ username: 'human', secret: { kind: 'password', password: 'chosen' } });
  for (const username of ['machine', 'human', 'nobody-1', 'nobody-2', 'nobody-3', 'nobody-4']) {
    const [verifier] = (await begin(username)).verifiers;
    expect([verifier?.salt.length, verifier?.storedKey.length]).toEqual([16, 32]);
    expect(verifier?.iterations).toBe(600_000);
  }
});

test('where a credential has the iterations of before, half of the unknown users look like it', async () => {
  const { credential } = await administration.add({ username: 'old-one' });
  await aws.dynamoDb.send(
    new UpdateItemCommand({
      TableName: aws.resources.table,
      Key: { pk: { S: `CRED#${credential.username}` } },
      UpdateExpression: 'SET scramIterations = :few',
      ExpressionAttributeValues: { ':few': { N: '4096' } },
    }),
  );
  expect((await begin('old-one')).verifiers[0]?.iterations).toBe(4096);
  const iterations = new Set<number>();
  for (let name = 0; name < 40; name++) {
    iterations.add(
      (await begin(`nobody-${name}`, {}, `192.0.2.${name}`)).verifiers[0]?.iterations ?? 0,
    );
  }
  expect([...iterations].toSorted((a, b) => a - b)).toEqual([4096, 600_000]);
});

test('a disabled user keeps its salt and is refused in the same words', async () => {
  const { generated: secret = '' } = await administration.add({ username: 'sleeper' });
  const before = (await begin('sleeper')).verifiers[0]?.salt;
  await administration.setEnabled('sleeper', false);
  expect((await begin('sleeper')).verifiers[0]?.salt).toEqual(before);
  expect(await signIn('sleeper', secret)).toEqual(INVALID);
});

test('an imported hash offers nothing to prove against', async () => {
  await administration.add({
    username: 'imported',
    secret: {
      kind: 'imported',
      verifier: { scheme: 'hs256', salt: Buffer.alloc(16), hash: Buffer.alloc(32) },
    },
  });
  const { verifiers, settle } = await begin('imported');
  expect(prove('imported', '', verifiers).fits).toBe(-1);
  expect(await settle(true)).toEqual(INVALID);
});

test('nobody acts as somebody else', async () => {
  const { generated: secret = '' } = await administration.add({ username: 'honest' });
  expect(codeOf(await signIn('honest', secret, 'honest'))).toBe(235);
  expect(await signIn('honest', secret, 'other')).toEqual(INVALID);
});

test('failed proofs wait, count, and lock out', async () => {
  await administration.add({ username: 'target' });
  for (let failure = 0; failure < 20; failure++) await signIn('target', 'guess');
  expect(clock.delays.slice(0, 3)).toEqual([500, 1000, 2000]);
  const attempt = { kind: 'scram', mechanism: 'SCRAM-SHA-256', username: 'target' } as const;
  expect(await authenticator.authenticate(attempt, session('198.51.100.9'))).toEqual(LOCKED);
});

test('a first message without a proof counts as a guess, and a right proof does not', async () => {
  const { generated: secret = '' } = await administration.add({ username: 'begun' });
  for (let exchange = 0; exchange < 19; exchange++) {
    // What the server calls when the exchange is cancelled or the connection is gone.
    expect(await (await begin('begun', {}, `198.51.100.${exchange}`)).settle(false)).toEqual(
      INVALID,
    );
  }
  const { verifiers, settle } = await begin('begun', {}, '198.51.100.20');
  expect(await settle(prove('begun', secret, verifiers).fits === 0)).toMatchObject({
    kind: 'accept',
  });
  await (await begin('begun', {}, '198.51.100.21')).settle(false);
  const attempt = { kind: 'scram', mechanism: 'SCRAM-SHA-256', username: 'begun' } as const;
  expect(await authenticator.authenticate(attempt, session('198.51.100.22'))).toEqual(LOCKED);
});

test("the tests' own client says what the example of RFC 7677 section 3 says", () => {
  const client = new ScramClient('user', 'pencil', 'rOprNGfwEbeRWgbNEkqO');
  expect(client.first()).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  expect(client.final(`r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`)).toBe(
    `c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
  );
  expect(client.serverFinal()).toBe('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
});

test('our keys are those that GNU SASL makes', async ({ skip }) => {
  need(skip, 'gsasl');
  const [iterations, salt] = [4096, Buffer.from('0123456789abcdef')];
  const text = execFileSync(
    'gsasl',
    [
      '--mkpasswd',
      '--mechanism=SCRAM-SHA-256',
      '--password=correct horse',
      `--iteration-count=${iterations}`,
      `--salt=${salt.toString('base64')}`,
    ],
    { encoding: 'utf8' },
  );
  const keys = await deriveScramKeys('correct horse', { salt, iterations });
  // {SCRAM-SHA-256}count,salt,stored-key,server-key
  expect(text.trim()).toBe(
    `{SCRAM-SHA-256}${iterations},${salt.toString('base64')},${keys.storedKey.toString('base64')},${keys.serverKey.toString('base64')}`,
  );
});

test('verifiers of one user share salt and count, as the exchange needs', async () => {
  await administration.add({ username: 'mixed' });
  const until = new Date(clock.now() + 3600_000);
  await administration.rotate(
    'mixed',
    { kind: 'password', password: 'a chosen one' },
    until,
    new Date(clock.now()),
  );
  const { verifiers } = await begin('mixed');
  const settings = verifiers.map(({ salt, iterations }: ScramVerifier) => [salt, iterations]);
  expect(settings).toHaveLength(2);
  expect(settings[0]).toEqual(settings[1]);
  expect(settings[0]?.[1]).toBe(600_000);
});
