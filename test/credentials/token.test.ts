// OAUTHBEARER and XOAUTH2 against a local issuer that serves its keys over HTTP.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type Authenticator,
  CredentialAdministration,
  createAuthenticator,
  type TokenIssuer as TokenIssuerOptions,
} from '../../src/credentials/index.ts';
import { issueGrants } from '../../src/policy/index.ts';
import { grantsOf } from '../../src/policy/index.ts';
import { Secret } from '../../src/smtp/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { startTokenIssuer, type TokenIssuer, type TokenWish } from './token-issuer.ts';
import { codeOf, INVALID, recorder, session, TEMPORARY, TestClock } from './support.ts';

let aws: TestAws;
let administration: CredentialAdministration;
let local: TokenIssuer;
let issuer: string;
let clock: TestClock;
let authenticator: Authenticator;
let observed: ReturnType<typeof recorder>;

beforeAll(async () => {
  aws = await startTestAws();
  administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
  local = await startTokenIssuer();
  issuer = local.issuer;
});
beforeEach(() => {
  local.outage = 'none';
  clock = new TestClock();
  observed = recorder();
  authenticator = start();
});
afterAll(async () => {
  await local[Symbol.asyncDispose]();
  await aws.close();
});

function start(settings: Partial<TokenIssuerOptions> = {}): Authenticator {
  return createAuthenticator({
    issueGrants,
    client: aws.dynamoDb,
    table: aws.resources.table,
    clock,
    observe: observed.observe,
    recordLastUse: false,
    tokens: [
      { issuer: 'https://another.example', audience: 'mail' },
      { issuer, audience: 'mail', ...settings },
    ],
  });
}

function token(sub: string, wish: TokenWish = {}): Promise<string> {
  return local.token(sub, { now: clock.now(), ...wish });
}

function signIn(jwt: string, username = '', by = authenticator) {
  return by.authenticate(
    { kind: 'token', mechanism: 'OAUTHBEARER', username, token: new Secret(jwt) },
    session(),
  );
}

test('a token of the issuer signs in the user whom it names, with the grants of the table', async () => {
  await administration.add({
    username: 'Ann@example.com',
    secret: { kind: 'none' },
    grants: { prefix: 'ann/' },
  });
  for (const username of ['', 'ann@example.com', 'ANN@example.com']) {
    const answer = await signIn(await token('ann@example.com'), username);
    expect(answer).toMatchObject({
      kind: 'accept',
      identity: { username: 'ann@example.com', mechanism: 'OAUTHBEARER' },
    });
    expect(answer.kind === 'accept' && grantsOf(answer.identity)).toEqual({ prefix: 'ann/' });
  }
});

test('a valid token beside another name is refused', async () => {
  await administration.add({ username: 'bob', secret: { kind: 'none' } });
  expect(await signIn(await token('bob'), 'carol')).toEqual(INVALID);
});

test.each<[string, TokenWish]>([
  ['signed by somebody else', { by: 'stranger' }],
  ['of another issuer', { claims: { iss: 'https://elsewhere.example' } }],
  ['for another audience', { claims: { aud: 'calendar' } }],
  ['for no audience', { without: 'aud' }],
  ['that has expired', { claims: { exp: Date.parse('2026-11-23T11:00:00Z') / 1000 } }],
  ['that never expires', { without: 'exp' }],
  ['that is not valid yet', { claims: { nbf: Date.parse('2026-11-23T13:00:00Z') / 1000 } }],
  ['that names nobody', { without: 'sub' }],
])('a token %s is refused', async (_, options) => {
  await administration
    .setEnabled('dora', true)
    .catch(() => administration.add({ username: 'dora', secret: { kind: 'none' } }));
  expect(await signIn(await token('dora', options))).toEqual(INVALID);
  expect(observed.events.at(-1)).toMatchObject({ cause: 'invalid-token' });
});

test.each([
  ['without a signature', `${encoded({ alg: 'none' })}.BODY.`],
  ['signed with a shared secret', `${encoded({ alg: 'HS256', kid: 'k1' })}.BODY.c2lnbmF0dXJl`],
  ['that is no token', 'garbage'],
  ['that is empty', ''],
])('a token %s is refused', async (_, shape) => {
  const body = (await token('dora')).split('.')[1] ?? '';
  expect(await signIn(shape.replace('BODY', body))).toEqual(INVALID);
});

function encoded(header: object): string {
  return Buffer.from(JSON.stringify(header)).toString('base64url');
}

test('the audience may be among several, or the client_id of an Amazon Cognito access token', async () => {
  await administration.add({ username: 'eve', secret: { kind: 'none' } });
  expect(codeOf(await signIn(await token('eve', { claims: { aud: ['x', 'mail'] } })))).toBe(235);
  const cognito = { claims: { client_id: 'mail' }, without: 'aud' };
  expect(codeOf(await signIn(await token('eve', cognito)))).toBe(235);
});

test('the user name may be another claim', async () => {
  await administration.add({ username: 'fay', secret: { kind: 'none' } });
  const byUsername = start({ usernameClaim: 'username' });
  const jwt = await token('0d3f', { claims: { username: 'fay' } });
  expect(await signIn(jwt, '', byUsername)).toMatchObject({
    kind: 'accept',
    identity: { username: 'fay' },
  });
});

test('a user without a row signs in only where the configuration says so, and then without grants', async () => {
  const jwt = await token('guest');
  expect(await signIn(jwt)).toEqual(INVALID);
  const answer = await signIn(jwt, '', start({ requireCredential: false }));
  expect(answer).toMatchObject({ kind: 'accept', identity: { username: `${issuer}#guest` } });
  expect(answer.kind === 'accept' && grantsOf(answer.identity)).toBeUndefined();
});

test('without requireCredential no row is read: neither the name nor the grants nor the state of one', async () => {
  await administration.add({ username: 'boss', grants: { prefix: 'boss/' } });
  await administration.setEnabled('boss', false);
  const answer = await signIn(await token('boss'), '', start({ requireCredential: false }));
  expect(answer).toMatchObject({ kind: 'accept', identity: { username: `${issuer}#boss` } });
  expect(answer.kind === 'accept' && grantsOf(answer.identity)).toBeUndefined();
});

test('a credential with a secret takes no token, unless it names the issuer', async () => {
  await administration.add({ username: 'ivy' });
  expect(await signIn(await token('ivy'))).toEqual(INVALID);
  expect(observed.events.at(-1)).toMatchObject({ cause: 'token-not-allowed', username: 'ivy' });
  await administration.add({ username: 'jon', tokenIssuers: [issuer] });
  expect(codeOf(await signIn(await token('jon')))).toBe(235);
});

test('a token-only credential takes tokens of every issuer until it names one', async () => {
  await administration.add({ username: 'kim', secret: { kind: 'none' } });
  expect(codeOf(await signIn(await token('kim')))).toBe(235);
  await administration.add({
    username: 'lea',
    secret: { kind: 'none' },
    tokenIssuers: ['https://another.example'],
  });
  expect(await signIn(await token('lea'))).toEqual(INVALID);
});

// Each is another name to the issuer, and the same user name to SASLprep and case folding.
test.each([
  ['a dotless i', 'adm\u0131n@corp.example'],
  ['upper case', 'ADMIN@corp.example'],
  ['a full-width letter', '\uff41dmin@corp.example'],
  ['a soft hyphen', 'ad\u00admin@corp.example'],
  ['a mark of direction', 'admin@corp.example\u200e'],
])('a name with %s in the token is not the name of the credential', async (_, name) => {
  await administration
    .add({ username: 'admin@corp.example', secret: { kind: 'none' } })
    .catch(() => undefined);
  expect(await signIn(await token(name))).toEqual(INVALID);
  expect(codeOf(await signIn(await token('admin@corp.example')))).toBe(235);
});

test('a credential may name its tokens in another case than its user name', async () => {
  await administration.add({
    username: 'AbC9',
    secret: { kind: 'none' },
    tokenName: 'AbC9',
  });
  expect(await signIn(await token('AbC9'))).toMatchObject({
    kind: 'accept',
    identity: { username: 'abc9' },
  });
  expect(await signIn(await token('abc9'))).toEqual(INVALID);
});

test.each([
  ['true', true, 235],
  ['false', false, 535],
  ['the text "true"', 'true', 535],
  ['absent', undefined, 535],
])('an email claim with email_verified %s', async (_, verified, code) => {
  await administration
    .add({ username: 'meg@corp.example', secret: { kind: 'none' } })
    .catch(() => undefined);
  const byEmail = start({ usernameClaim: 'email' });
  const claims = {
    email: 'meg@corp.example',
    ...(verified !== undefined && { email_verified: verified }),
  };
  expect(codeOf(await signIn(await token('0d3f', { claims }), '', byEmail))).toBe(code);
});

test('a token that is refused counts for its address and for the name that it gives', async () => {
  await administration.add({ username: 'nat', secret: { kind: 'none' } });
  for (let guess = 0; guess < 20; guess++) await signIn(`forged-${guess}`, 'nat');
  expect(codeOf(await signIn(await token('nat'), 'nat'))).toBe(454);
});

test('a disabled user is refused whatever the issuer says, and an enabled one works at once', async () => {
  await administration.add({ username: 'gus', secret: { kind: 'none' } });
  await administration.setEnabled('gus', false);
  expect(await signIn(await token('gus'))).toEqual(INVALID);
  await administration.setEnabled('gus', true);
  expect(codeOf(await signIn(await token('gus')))).toBe(235);
});

test.each(['error', 'reset'] as const)(
  'while the issuer cannot be asked (%s) a sign-in is 454, and the keys it last published hold for the grace',
  async (fault) => {
    const username = `hal-${fault}`;
    await administration.add({ username, secret: { kind: 'none' } });
    local.outage = fault;
    expect(await signIn(await token(username))).toEqual(TEMPORARY);
    expect(observed.events.at(-1)).toMatchObject({ cause: 'issuer-unavailable' });
    local.outage = 'none';
    expect(codeOf(await signIn(await token(username)))).toBe(235);
    local.outage = fault;
    clock.pass(600);
    expect(codeOf(await signIn(await token(username)))).toBe(235);
  },
);

test('no event holds a token', async () => {
  const jwt = await token('dora');
  await signIn(jwt);
  await signIn(`${jwt}x`);
  expect(JSON.stringify(observed.events)).not.toContain(jwt.slice(0, 20));
});
