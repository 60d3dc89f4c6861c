import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type Authenticator,
  CredentialAdministration,
  createAuthenticator,
} from '../../src/credentials/index.ts';
import { issueGrants } from '../../src/policy/index.ts';
import { grantsOf } from '../../src/policy/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { INVALID, plain, recorder, session, TEMPORARY, TestClock } from './support.ts';

let aws: TestAws;
let administration: CredentialAdministration;
let authenticator: Authenticator;
let observed: ReturnType<typeof recorder>;

beforeAll(async () => {
  aws = await startTestAws();
  administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
});
beforeEach(() => {
  observed = recorder();
  authenticator = createAuthenticator({
    issueGrants,
    client: aws.dynamoDb,
    table: aws.resources.table,
    observe: observed.observe,
    clock: new TestClock(),
  });
});
afterAll(() => aws.close());

async function generated(username: string): Promise<string> {
  return (await administration.add({ username })).generated ?? '';
}

test('accepts a generated secret under any spelling of the user name', async () => {
  const secret = await generated('Printer@Example.com');
  for (const username of ['printer@example.com', 'PRINTER@example.COM']) {
    expect(await authenticator.authenticate(plain(username, secret), session())).toMatchObject({
      kind: 'accept',
      identity: { username: 'printer@example.com', mechanism: 'PLAIN' },
    });
  }
});

test('accepts a chosen password, and refuses another', async () => {
  await administration.add({
    username: 'person',
    secret: { kind: 'password', password: 'correct horse' },
  });
  expect(
    await authenticator.authenticate(plain('person', 'correct horse'), session()),
  ).toMatchObject({ kind: 'accept' });
  expect(await authenticator.authenticate(plain('person', 'wrong horse'), session())).toEqual(
    INVALID,
  );
});

test('gives the identity what the credential grants', async () => {
  const grants = {
    allowedSenders: ['*@example.com'],
    allowedRecipients: ['*'],
    allowedCidrs: ['192.0.2.0/24'],
    maxMessageSize: 1000,
    rate: { messages: 10, octets: 10_000, periodSeconds: 60 },
    prefix: 'tenant/',
    topicArn: 'arn:aws:sns:eu-west-1:111122223333:tenant',
  };
  const { generated: secret = '' } = await administration.add({ username: 'tenant', grants });
  const answer = await authenticator.authenticate(plain('tenant', secret), session());
  expect(answer.kind === 'accept' && grantsOf(answer.identity)).toEqual(grants);
});

test('grants of another making are not taken for those of a credential', () => {
  const identity = { username: 'a', mechanism: 'PLAIN', grants: { prefix: 'elsewhere/' } };
  expect(grantsOf(identity)).toBeUndefined();
});

test('refuses unknown, wrong, disabled, expired and misplaced in the same words, and tells the operator which', async () => {
  const known = await generated('known');
  const disabled = await generated('disabled');
  await administration.setEnabled('disabled', false);
  const { generated: expired = '' } = await administration.add({
    username: 'expired',
    expiresAt: new Date(new TestClock().now()),
  });
  const { generated: elsewhere = '' } = await administration.add({
    username: 'elsewhere',
    grants: { allowedCidrs: ['198.51.100.0/24', '2001:db8::/32'] },
  });
  await administration.add({ username: 'token-only', secret: { kind: 'none' } });
  const attempts = [
    plain('nobody', 'x'),
    plain('known', `${known}x`),
    plain('disabled', disabled),
    plain('expired', expired),
    plain('elsewhere', elsewhere),
    plain('known', known, 'somebody-else'),
    plain('token-only', ''),
    plain('\0', 'x'),
  ];
  for (const attempt of attempts) {
    expect(await authenticator.authenticate(attempt, session())).toEqual(INVALID);
  }
  expect(
    observed.events.map(
      (event) => event.kind === 'sign-in-refused' && [event.cause, event.username],
    ),
  ).toEqual([
    ['unknown-user', undefined],
    ['wrong-secret', 'known'],
    ['disabled', 'disabled'],
    ['expired', 'expired'],
    ['address-not-allowed', 'elsewhere'],
    ['authorization-id', 'known'],
    ['wrong-secret', 'token-only'],
    ['unknown-user', undefined],
  ]);
});

test('lets a client name itself as the one to act as', async () => {
  const secret = await generated('self');
  expect(await authenticator.authenticate(plain('self', secret, 'SELF'), session())).toMatchObject({
    kind: 'accept',
  });
});

test('a row that is no credential of ours is answered 454 and named to the operator', async () => {
  await aws.dynamoDb.send(
    new PutItemCommand({
      TableName: aws.resources.table,
      Item: { pk: { S: 'CRED#broken' }, username: { S: 'broken' }, version: { S: 'one' } },
    }),
  );
  expect(await authenticator.authenticate(plain('broken', 'x'), session())).toEqual(TEMPORARY);
  expect(observed.events[0]).toEqual({
    kind: 'credential-unreadable',
    username: 'broken',
    attribute: 'version',
  });
});

test('notes the last use in the table, once in five minutes, without a new version', async () => {
  const secret = await generated('busy');
  const clock = new TestClock();
  const noting = createAuthenticator({
    issueGrants,
    client: aws.dynamoDb,
    table: aws.resources.table,
    clock,
  });
  const first = new Date(clock.now());
  for (let sign = 0; sign < 3; sign++) {
    await noting.authenticate(plain('busy', secret), session());
    clock.pass(60);
  }
  await noting.close();
  expect(await administration.read('busy')).toMatchObject({ version: 1, lastUsedAt: first });
  clock.pass(150);
  const second = new Date(clock.now());
  await noting.authenticate(plain('busy', secret), session());
  await noting.close();
  expect(await administration.read('busy')).toMatchObject({ version: 1, lastUsedAt: second });
});

test('writes nothing where the last use is not to be noted', async () => {
  const secret = await generated('quiet');
  const silent = createAuthenticator({
    issueGrants,
    client: aws.dynamoDb,
    table: aws.resources.table,
    recordLastUse: false,
  });
  await silent.authenticate(plain('quiet', secret), session());
  await silent.close();
  expect((await administration.read('quiet')).lastUsedAt).toBeUndefined();
});

test('offers token mechanisms only where an issuer is configured', () => {
  expect(authenticator.mechanisms).toEqual([
    'SCRAM-SHA-256-PLUS',
    'SCRAM-SHA-256',
    'PLAIN',
    'LOGIN',
  ]);
  const withIssuer = createAuthenticator({
    issueGrants,
    client: aws.dynamoDb,
    table: aws.resources.table,
    tokens: [{ issuer: 'https://issuer.example', audience: 'mail' }],
  });
  expect(withIssuer.mechanisms).toEqual(expect.arrayContaining(['OAUTHBEARER', 'XOAUTH2']));
});

test('refuses EXTERNAL, for the table knows no certificates', async () => {
  const attempt = {
    kind: 'certificate',
    mechanism: 'EXTERNAL',
    authorizationId: '',
    subject: 'CN=client',
    fingerprint256: 'AA',
  } as const;
  expect(await authenticator.authenticate(attempt, session())).toEqual(INVALID);
});
