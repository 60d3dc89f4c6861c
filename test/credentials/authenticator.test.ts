import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Authenticator,
  CredentialAdministration,
  createAuthenticator,
  grantsOf,
} from '../../src/credentials/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { plain, recorder, session } from './support.ts';

const INVALID = {
  kind: 'refuse',
  reply: { code: 535, status: '7.8', text: 'Authentication credentials invalid' },
};

let aws: TestAws;
let administration: CredentialAdministration;
let authenticator: Authenticator;
const { observe, events } = recorder();

beforeAll(async () => {
  aws = await startTestAws();
  administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
  authenticator = createAuthenticator({
    client: aws.dynamoDb,
    table: aws.resources.table,
    observe,
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
  const grants = { allowedSenders: ['*@example.com'], prefix: 'tenant/', maxMessageSize: 1000 };
  const { generated: secret = '' } = await administration.add({ username: 'tenant', grants });
  const answer = await authenticator.authenticate(plain('tenant', secret), session());
  expect(answer.kind === 'accept' && grantsOf(answer.identity)).toEqual(grants);
});

test('refuses unknown, wrong, disabled and expired in the same words, and tells the operator which', async () => {
  const { table } = aws.resources;
  const known = await generated('known');
  const disabled = await generated('disabled');
  await aws.dynamoDb.send(
    new UpdateItemCommand({
      TableName: table,
      Key: { pk: { S: 'CRED#disabled' } },
      UpdateExpression: 'SET enabled = :no',
      ExpressionAttributeValues: { ':no': { BOOL: false } },
    }),
  );
  const { generated: expired = '' } = await administration.add({
    username: 'expired',
    expiresAt: new Date(Date.now() - 1000),
  });
  events.length = 0;
  const attempts = [
    plain('nobody', 'x'),
    plain('known', `${known}x`),
    plain('disabled', disabled),
    plain('expired', expired),
    plain('known', known, 'somebody-else'),
    plain('\0', 'x'),
  ];
  for (const attempt of attempts) {
    expect(await authenticator.authenticate(attempt, session())).toEqual(INVALID);
  }
  expect(events.map((event) => event.kind === 'sign-in-refused' && event.cause)).toEqual([
    'unknown-user',
    'wrong-secret',
    'disabled',
    'expired',
    'authorization-id',
    'unknown-user',
  ]);
});

test('lets a client name itself as the one to act as', async () => {
  const secret = await generated('self');
  expect(await authenticator.authenticate(plain('self', secret, 'SELF'), session())).toMatchObject({
    kind: 'accept',
  });
});

test('a removed credential no longer signs in', async () => {
  const secret = await generated('leaver');
  await administration.remove('leaver');
  expect(await authenticator.authenticate(plain('leaver', secret), session())).toEqual(INVALID);
});

test('a row that is no credential of ours is answered 454 and named to the operator', async () => {
  await aws.dynamoDb.send(
    new PutItemCommand({
      TableName: aws.resources.table,
      Item: { pk: { S: 'CRED#broken' }, username: { S: 'broken' } },
    }),
  );
  events.length = 0;
  expect(await authenticator.authenticate(plain('broken', 'x'), session())).toMatchObject({
    kind: 'refuse',
    reply: { code: 454, status: '7.0' },
  });
  expect(events[0]).toMatchObject({ kind: 'credential-unreadable', username: 'broken' });
});

test('a table that is not there is answered 454 and never 535', async () => {
  const lost = recorder();
  const answer = await createAuthenticator({
    client: aws.dynamoDb,
    table: 'no-such-table',
    observe: lost.observe,
  }).authenticate(plain('known', 'x'), session());
  expect(answer).toMatchObject({ kind: 'refuse', reply: { code: 454, status: '7.0' } });
  expect(lost.events[0]).toEqual({
    kind: 'table-unavailable',
    operation: 'read',
    error: 'ResourceNotFoundException',
  });
});

test('no event holds a password', () => {
  expect(JSON.stringify(events)).not.toContain('horse');
});
