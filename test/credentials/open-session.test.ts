// A change to a credential reaches sessions that are open, and what a proxy says of a user is worth no more than the row.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Credential, CredentialAdministration } from '../../src/credentials/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { TestClient } from '../support/smtp-client.ts';
import { ScramClient } from './scram-client.ts';
import { type Served, serve } from './served.ts';
import { startTokenIssuer, type TokenIssuer } from './token-issuer.ts';

let aws: TestAws;
let administration: CredentialAdministration;
let served: Served;
let issuer: TokenIssuer;
beforeAll(async () => {
  aws = await startTestAws();
  administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
  issuer = await startTokenIssuer();
  const listener = { host: '127.0.0.1', port: 0 };
  served = await serve(aws, {
    credentials: {
      table: aws.resources.table,
      cache: '0s',
      tokens: [{ issuer: issuer.issuer, audience: ['mail'] }],
    },
    listeners: [
      { ...listener, name: 'smtps', tls: 'implicit', auth: 'required' },
      { ...listener, name: 'relay', tls: 'none', trustedXclients: ['127.0.0.1'] },
    ],
  });
});
afterAll(async () => {
  await served?.[Symbol.asyncDispose]();
  await issuer?.[Symbol.asyncDispose]();
  await aws?.close();
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

async function byPlain(client: TestClient, username: string, secret: string): Promise<string> {
  return client.say(`AUTH PLAIN ${base64(`\0${username}\0${secret}`)}`);
}

async function byToken(client: TestClient, username: string): Promise<string> {
  const response = `n,,\x01auth=Bearer ${await issuer.token(username)}\x01\x01`;
  return client.say(`AUTH OAUTHBEARER ${base64(response)}`);
}

async function byScram(client: TestClient, username: string, secret: string): Promise<string> {
  const scram = new ScramClient(username, secret);
  const first = await client.say(`AUTH SCRAM-SHA-256 ${base64(scram.first())}`);
  const last = await client.say(
    base64(scram.final(Buffer.from(first.slice(4), 'base64').toString())),
  );
  expect(last).toMatch(/^334 /);
  return client.say('');
}

const MECHANISMS = { PLAIN: byPlain, SCRAM: byScram, OAUTHBEARER: byToken };
type Mechanism = keyof typeof MECHANISMS;

/** Signs in and begins a transaction, which the credential allows as it is. */
async function signedIn(
  username: string,
  secret: string,
  mechanism: Mechanism = 'PLAIN',
): Promise<TestClient> {
  const client = await TestClient.connectTls(served.port('smtps'));
  await client.reply();
  await client.say('EHLO c');
  expect(await MECHANISMS[mechanism](client, username, secret)).toMatch(/^235 /);
  expect(await client.say('MAIL FROM:<a@b.example>')).toMatch(/^250 /);
  expect(await client.say('RSET')).toMatch(/^250 /);
  return client;
}

async function changed(name: string, change: (before: Credential) => Credential): Promise<void> {
  await administration.replace(change(await administration.read(name)));
}

const ENDED = /^421 4\.7\.0 Sign-in is no longer/;
const GOES_ON = /^250 /;
const OVERLAP_MILLISECONDS = 2000;

async function rotate(name: string, overlapMilliseconds: number): Promise<string> {
  const now = new Date();
  const keepUntil = new Date(now.getTime() + overlapMilliseconds);
  const { generated = '' } = await administration.rotate(
    name,
    { kind: 'generated' },
    keepUntil,
    now,
  );
  return generated;
}

const changes: [string, Mechanism, (username: string) => Promise<unknown>, RegExp][] = [
  ['disabled', 'PLAIN', (name) => administration.setEnabled(name, false), ENDED],
  ['disabled', 'SCRAM', (name) => administration.setEnabled(name, false), ENDED],
  ['disabled', 'OAUTHBEARER', (name) => administration.setEnabled(name, false), ENDED],
  ['removed', 'PLAIN', (name) => administration.remove(name), ENDED],
  [
    'removed and made again with another secret',
    'PLAIN',
    async (name) => {
      await administration.remove(name);
      await administration.add({ username: name });
    },
    ENDED,
  ],
  [
    'expired',
    'PLAIN',
    (name) => changed(name, (before) => ({ ...before, expiresAt: new Date(Date.now() - 1000) })),
    ENDED,
  ],
  ['rotated without an overlap', 'PLAIN', (name) => rotate(name, 0), ENDED],
  ['rotated without an overlap', 'SCRAM', (name) => rotate(name, 0), ENDED],
  ['rotated with an overlap', 'PLAIN', (name) => rotate(name, 3_600_000), GOES_ON],
  ['rotated with an overlap', 'SCRAM', (name) => rotate(name, 3_600_000), GOES_ON],
  [
    'rotated with an overlap that is over',
    'PLAIN',
    async (name) => {
      await rotate(name, OVERLAP_MILLISECONDS);
      await pause(OVERLAP_MILLISECONDS);
    },
    ENDED,
  ],
  [
    'rotated with an overlap that is over',
    'SCRAM',
    async (name) => {
      await rotate(name, OVERLAP_MILLISECONDS);
      await pause(OVERLAP_MILLISECONDS);
    },
    ENDED,
  ],
  ['rotated', 'OAUTHBEARER', (name) => rotate(name, 0), GOES_ON],
  [
    'closed to the issuer of its token',
    'OAUTHBEARER',
    (name) => changed(name, (before) => ({ ...before, tokenIssuers: ['https://other.example'] })),
    ENDED,
  ],
  [
    'closed to tokens',
    'OAUTHBEARER',
    (name) => changed(name, (before) => ({ ...before, tokenIssuers: [] })),
    ENDED,
  ],
  [
    'bound to another name in tokens',
    'OAUTHBEARER',
    (name) => changed(name, (before) => ({ ...before, tokenName: 'another' })),
    ENDED,
  ],
  [
    'moved to another network',
    'PLAIN',
    (name) =>
      changed(name, (before) => ({ ...before, grants: { allowedCidrs: ['192.0.2.0/24'] } })),
    ENDED,
  ],
  [
    'allowed other senders only',
    'PLAIN',
    (name) =>
      changed(name, (before) => ({ ...before, grants: { allowedSenders: ['*@c.example'] } })),
    /^550 5\.7\.1 /,
  ],
  [
    'given a limit of size',
    'PLAIN',
    (name) => changed(name, (before) => ({ ...before, grants: { maxMessageSize: 10 } })),
    /^552 5\.3\.4 /,
  ],
];

test.each(changes)(
  'a session of a credential that is %s, signed in by %s, hears so at its next MAIL',
  async (what, mechanism, change, reply) => {
    const username = `open-${mechanism}-${what.replaceAll(' ', '-')}`.toLowerCase();
    const { credential, generated = '' } = await administration.add({ username });
    await administration.replace({ ...credential, tokenIssuers: [issuer.issuer] });
    const client = await signedIn(username, generated, mechanism);
    await change(username);
    expect(await client.say('MAIL FROM:<a@b.example> SIZE=100')).toMatch(reply);
    client.destroy();
  },
);

test.each(['PLAIN', 'SCRAM'] as const)(
  'a session that signed in with the new secret stays when the old one ends, by %s',
  async (mechanism) => {
    const username = `renewed-${mechanism}`.toLowerCase();
    await administration.add({ username });
    const secret = await rotate(username, OVERLAP_MILLISECONDS);
    const client = await signedIn(username, secret, mechanism);
    await pause(OVERLAP_MILLISECONDS);
    expect(await client.say('MAIL FROM:<a@b.example>')).toMatch(GOES_ON);
    client.destroy();
  },
);

test.each([
  ['the outbox', { prefix: 'outbox/' }],
  ['a folder above', { prefix: '/' }],
  ['no topic', { topicArn: 'mail' }],
])('a row that sends mail to %s takes none: the fault is of the operator', async (what, grants) => {
  const username = `astray-${what.replaceAll(' ', '-')}`;
  const { generated = '' } = await administration.add({ username, grants });
  const client = await TestClient.connectTls(served.port('smtps'));
  await client.reply();
  await client.say('EHLO c');
  await client.say(`AUTH PLAIN ${Buffer.from(`\0${username}\0${generated}`).toString('base64')}`);
  expect(await client.say('MAIL FROM:<a@b.example>')).toMatch(/^451 4\.3\.5 /);
  client.destroy();
});

async function proxied(login: string): Promise<TestClient> {
  const client = await TestClient.connect(served.port('relay'));
  await client.reply();
  await client.say('EHLO proxy');
  expect(await client.say(`XCLIENT ADDR=192.0.2.9 LOGIN=${login}`)).toMatch(/^220 /);
  await client.say('EHLO c');
  return client;
}

test('a user whom a proxy names has the grants of the credential', async () => {
  await administration.add({
    username: 'proxied',
    grants: { allowedSenders: ['*@c.example'], allowedRecipients: ['*@d.example'] },
  });
  const client = await proxied('Proxied');
  expect(await client.say('MAIL FROM:<a@b.example>')).toMatch(/^550 5\.7\.1 /);
  expect(await client.say('MAIL FROM:<a@c.example>')).toMatch(/^250 /);
  expect(await client.say('RCPT TO:<a@b.example>')).toMatch(/^550 5\.7\.1 /);
  expect(await client.say('RCPT TO:<a@d.example>')).toMatch(/^250 /);
  client.destroy();
});

test('the network of a credential is compared with the client that the proxy names', async () => {
  await administration.add({ username: 'near', grants: { allowedCidrs: ['192.0.2.0/24'] } });
  await administration.add({ username: 'far', grants: { allowedCidrs: ['127.0.0.0/8'] } });
  const near = await proxied('near');
  expect(await near.say('MAIL FROM:<a@b.example>')).toMatch(/^250 /);
  const far = await proxied('far');
  expect(await far.say('MAIL FROM:<a@b.example>')).toMatch(/^421 /);
  near.destroy();
  far.destroy();
});

test('a user whom a proxy names and who is disabled may not send', async () => {
  await administration.add({ username: 'asleep' });
  await administration.setEnabled('asleep', false);
  const client = await proxied('asleep');
  expect(await client.say('MAIL FROM:<a@b.example>')).toMatch(/^421 /);
  client.destroy();
});

test('a user whom a proxy names and who has no credential has no grants, and the log says so', async () => {
  const client = await proxied('stranger');
  expect(await client.say('MAIL FROM:<a@b.example>')).toMatch(/^250 /);
  client.destroy();
  await expect.poll(() => served.output()).toContain('"event":"identity-without-credential"');
});
