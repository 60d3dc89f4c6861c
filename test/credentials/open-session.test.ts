// A change to a credential reaches sessions that are open, and what a proxy says of a user is worth no more than the row.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CredentialAdministration } from '../../src/credentials/index.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { TestClient } from '../support/smtp-client.ts';
import { type Served, serve } from './served.ts';

let aws: TestAws;
let administration: CredentialAdministration;
let served: Served;
beforeAll(async () => {
  aws = await startTestAws();
  administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
  const listener = { host: '127.0.0.1', port: 0 };
  served = await serve(aws, {
    credentials: { table: aws.resources.table, cache: '0s' },
    listeners: [
      { ...listener, name: 'smtps', tls: 'implicit', auth: 'required' },
      { ...listener, name: 'relay', tls: 'none', trustedXclients: ['127.0.0.1'] },
    ],
  });
});
afterAll(async () => {
  await served?.[Symbol.asyncDispose]();
  await aws?.close();
});

async function signedIn(username: string, secret: string): Promise<TestClient> {
  const client = await TestClient.connectTls(served.port('smtps'));
  await client.reply();
  await client.say('EHLO c');
  const response = Buffer.from(`\0${username}\0${secret}`).toString('base64');
  expect(await client.say(`AUTH PLAIN ${response}`)).toMatch(/^235 /);
  expect(await client.say('MAIL FROM:<a@b.example>')).toMatch(/^250 /);
  expect(await client.say('RSET')).toMatch(/^250 /);
  return client;
}

const changes: [string, (username: string) => Promise<unknown>, RegExp][] = [
  [
    'disabled',
    (name) => administration.setEnabled(name, false),
    /^421 4\.7\.0 Sign-in is no longer/,
  ],
  ['removed', (name) => administration.remove(name), /^421 4\.7\.0 Sign-in is no longer/],
  [
    'moved to another network',
    async (name) => {
      const credential = await administration.read(name);
      await administration.replace({ ...credential, grants: { allowedCidrs: ['192.0.2.0/24'] } });
    },
    /^421 4\.7\.0 Sign-in is no longer/,
  ],
  [
    'allowed other senders only',
    async (name) => {
      const credential = await administration.read(name);
      await administration.replace({ ...credential, grants: { allowedSenders: ['*@c.example'] } });
    },
    /^550 5\.7\.1 /,
  ],
];

test.each(changes)(
  'a session of a credential that is %s hears so at its next MAIL',
  async (what, change, reply) => {
    const username = `open-${what.replaceAll(' ', '-')}`;
    const { generated = '' } = await administration.add({ username });
    const client = await signedIn(username, generated);
    await change(username);
    expect(await client.say('MAIL FROM:<a@b.example>')).toMatch(reply);
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
