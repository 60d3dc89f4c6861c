// What sign-in answers while the table cannot be read: the faults are real ones, on a socket.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type Authenticator,
  CredentialAdministration,
  createAuthenticator,
} from '../../src/credentials/index.ts';
import { issueGrants } from '../../src/policy/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { type Fault, type FaultyTable, startFaultyTable } from './faulty-table.ts';
import { INVALID, plain, recorder, session, TEMPORARY, TestClock } from './support.ts';

let aws: TestAws;
let table: FaultyTable;
let authenticator: Authenticator;
let clock: TestClock;
let observed: ReturnType<typeof recorder>;
let secret: string;

beforeAll(async () => {
  aws = await startTestAws();
  table = await startFaultyTable(aws);
  const administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
  secret = (await administration.add({ username: 'known' })).generated ?? '';
  await administration.add({ username: 'other' });
  await administration.add({
    username: 'person',
    secret: { kind: 'password', password: 'correct horse' },
  });
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
afterEach(() => {
  table.fault = 'none';
});
afterAll(async () => {
  await table[Symbol.asyncDispose]();
  await aws.close();
});

const faults: Fault[] = [
  'hang',
  'reset',
  'throttle',
  'unavailable',
  'denied',
  'page',
  'refusing-page',
  'empty',
  'other-table',
  'other-row',
];

test.concurrent.each(faults)(
  'while the table answers with "%s", a cached credential goes on for the grace, others hear 454 and nobody 535',
  async (fault) => {
    await using own = await startFaultyTable(aws);
    const time = new TestClock();
    const { observe, events } = recorder();
    const { authenticate } = bound(
      createAuthenticator({
        issueGrants,
        client: own.client,
        table: aws.resources.table,
        clock: time,
        observe,
        recordLastUse: false,
      }),
    );
    expect(await authenticate('known', secret)).toMatchObject({ kind: 'accept' });
    own.fault = fault;
    time.pass(60);
    expect(await authenticate('known', secret)).toMatchObject({ kind: 'accept' });
    expect(events.at(-1)).toMatchObject({ kind: 'sign-in-accepted', source: 'stale' });
    // A wrong secret may be one that was made while the table is out of reach.
    expect(await authenticate('known', 'wrong')).toEqual(TEMPORARY);
    expect(await authenticate('unknown', 'x')).toEqual(TEMPORARY);
    expect(events.at(-1)).toMatchObject({ cause: 'table-unavailable', code: 454 });
    time.pass(900);
    expect(await authenticate('known', secret)).toEqual(TEMPORARY);
    own.fault = 'none';
    expect(await authenticate('known', secret)).toMatchObject({ kind: 'accept' });
    expect(await authenticate('unknown', 'x')).toEqual(INVALID);
  },
);

function bound(authenticator: Authenticator) {
  return {
    authenticate: (username: string, password: string) =>
      authenticator.authenticate(plain(username, password), session()),
  };
}

test('a cached chosen password goes on for the grace, proven or not', async () => {
  await authenticator.authenticate(plain('person', 'correct horse'), session());
  table.fault = 'reset';
  clock.pass(600);
  expect(
    await authenticator.authenticate(plain('person', 'correct horse'), session()),
  ).toMatchObject({ kind: 'accept' });
});

test('a SCRAM sign-in goes on from the cache, and a proof that fails then is 454', async () => {
  await authenticator.authenticate(plain('known', secret), session());
  table.fault = 'reset';
  const attempt = { kind: 'scram', mechanism: 'SCRAM-SHA-256', username: 'known' } as const;
  const answer = await authenticator.authenticate(attempt, session());
  if (answer.kind !== 'verify') throw new Error(`expected verify, got ${answer.kind}`);
  expect(await answer.settle(true)).toMatchObject({ kind: 'accept' });
  expect(await answer.settle(false)).toEqual(TEMPORARY);
});

test('with the table down, cached users are not made to wait for each try', async () => {
  await authenticator.authenticate(plain('known', secret), session());
  table.fault = 'reset';
  clock.pass(60);
  for (let failure = 0; failure < 3; failure++) {
    await authenticator.authenticate(plain('known', secret), session());
  }
  table.operations.length = 0;
  for (let again = 0; again < 20; again++) {
    await authenticator.authenticate(plain('known', secret), session());
  }
  expect(table.operations).toEqual([]);
});

test('the operator hears the name of the failure and never a secret', async () => {
  table.fault = 'denied';
  await authenticator.authenticate(plain('other', 'a-secret-word'), session());
  expect(observed.events[0]).toEqual({
    kind: 'table-unavailable',
    operation: 'read',
    error: 'AccessDeniedException',
  });
  expect(JSON.stringify(observed.events)).not.toContain('a-secret-word');
});

test.each<Fault>(['page', 'refusing-page', 'empty', 'other-table', 'other-row'])(
  'where something answers "%s", no command is told that it worked, and the endpoint is named',
  async (fault) => {
    await using own = await startFaultyTable(aws);
    own.fault = fault;
    const administration = new CredentialAdministration(own.client, aws.resources.table);
    const named = { code: 'MAILSLUICE_TABLE_ANSWER_UNPROVEN', message: naming(own) };
    await expect(administration.read('known')).rejects.toMatchObject(named);
    if (fault === 'other-row') return;
    await expect(administration.add({ username: 'new' })).rejects.toMatchObject(named);
    await expect(administration.remove('known')).rejects.toMatchObject(named);
    await expect(administration.list().next()).rejects.toMatchObject(named);
  },
);

function naming({ endpoint }: FaultyTable): unknown {
  return expect.stringContaining(`${endpoint} does not answer as DynamoDB`);
}

test('the operator hears which endpoint answers in the place of the table', async () => {
  table.fault = 'page';
  await authenticator.authenticate(plain('other', 'a-secret-word'), session());
  expect(observed.events[0]).toEqual({
    kind: 'table-unavailable',
    operation: 'read',
    error: naming(table),
  });
});

test('without the right to note the last use it says so once, and signs in', async () => {
  table.fault = 'denied-writes';
  const noting = createAuthenticator({
    issueGrants,
    client: table.client,
    table: aws.resources.table,
    clock,
    observe: observed.observe,
  });
  for (let again = 0; again < 3; again++) {
    expect(await noting.authenticate(plain('known', secret), session())).toMatchObject({
      kind: 'accept',
    });
    await noting.close();
    clock.pass(400);
  }
  expect(observed.events.filter(({ kind }) => kind === 'table-unavailable')).toEqual([
    { kind: 'table-unavailable', operation: 'record-use', error: 'AccessDeniedException' },
  ]);
});

test('a table that is not there is 454 and never 535', async () => {
  const lost = createAuthenticator({
    issueGrants,
    client: table.client,
    table: 'no-such-table',
    clock,
  });
  expect(await lost.authenticate(plain('known', secret), session())).toEqual(TEMPORARY);
});
