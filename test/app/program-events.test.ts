// The running program: what one of each thing that can happen leaves in the log, and what it counts.
import { CreateBucketCommand, DeleteBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CredentialAdministration } from '../../src/credentials/index.ts';
import { type Served, serve } from '../credentials/served.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { freePort } from '../support/free-port.ts';
import { TestClient } from '../support/smtp-client.ts';

let aws: TestAws;
let password: string;

beforeAll(async () => {
  aws = await startTestAws();
  const administration = new CredentialAdministration(aws.dynamoDb, aws.resources.table);
  password = (await administration.add({ username: 'alice' })).generated ?? '';
});
afterAll(() => aws.close());

interface Line {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The lines of the log; they are complete once the program has ended. */
function linesOf(served: Served): Line[] {
  return served
    .output()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

/** The counters that moved, as Prometheus has them, without their prefix and their `_total`. */
async function countersOf(health: number): Promise<Record<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${health}/metrics`)).text();
  const lines = text.matchAll(/^mailsluice_(\w+)_total(\{.*\})? (\S+)$/gm);
  return Object.fromEntries(
    [...lines].map(([, name, labels = '', value]) => [`${name}${labels}`, Number(value)]),
  );
}

const message = 'Subject: hello\r\n\r\nHello\r\n.';
const routes = [{ recipients: ['*@in.example'] }];

function authPlain(secret: string): string {
  return `AUTH PLAIN ${Buffer.from(`\0alice\0${secret}`).toString('base64')}`;
}

test('each thing that happens is logged once, by its owner, and counted once', async () => {
  const health = await freePort();
  const served = await serve(aws, {
    routes,
    log: { level: 'info' },
    health: { host: '127.0.0.1', port: health },
  });

  // Two messages in the clear in one session, a refused recipient, and two commands that are none.
  const sender = await TestClient.connect(served.port('mx'));
  await sender.reply();
  const accepted = await sender.sayAll(
    'EHLO client.example',
    'FOO',
    'MAIL FROM:<a@client.example>',
    'RCPT TO:<nobody@elsewhere.example>',
    'RCPT TO:<b@in.example>',
    'DATA',
    message,
    'MAIL FROM:<a@client.example>',
    'RCPT TO:<b@in.example>',
    'DATA',
    message,
    'DATA',
    'QUIT',
  );
  expect(accepted).toBe('250 500 250 550 250 354 250 250 250 354 250 503 221');

  const vanishing = await (await TestClient.connect(served.port('mx'))).openMessage('b@in.example');
  vanishing.send('Subject: half').destroy();

  const signedIn = await TestClient.connectTls(served.port('smtps'));
  await signedIn.reply();
  expect(await signedIn.sayAll('EHLO client.example', authPlain(password), 'QUIT')).toBe(
    '250 235 221',
  );
  const refused = await TestClient.connectTls(served.port('smtps'));
  await refused.reply();
  expect(await refused.sayAll('EHLO client.example', authPlain('wrong'), 'QUIT')).toBe(
    '250 535 221',
  );

  await expect.poll(() => countersOf(health)).toHaveProperty('sessions_aborted{listener="mx"}', 1);
  expect(await countersOf(health)).toEqual({
    'connections_accepted{listener="mx"}': 2,
    'connections_accepted{listener="smtps"}': 2,
    'sessions_aborted{listener="mx"}': 1,
    'tls_handshakes{tls_version="TLSv1.3"}': 2,
    'plaintext_sessions{listener="mx"}': 1,
    'messages_accepted{listener="mx"}': 2,
    bytes_accepted: 50,
    'messages_rejected{reason="policy"}': 1,
    'command_errors{reason="unknown-command"}': 1,
    'command_errors{reason="bad-sequence"}': 1,
    'auth_success{listener="smtps"}': 1,
    'auth_failures{listener="smtps"}': 1,
  });

  await served[Symbol.asyncDispose]();
  const lines = linesOf(served);
  const told = lines.map(({ event, rule }) =>
    typeof rule === 'string' ? `${event} ${rule}` : event,
  );
  expect(told.sort()).toEqual(
    [
      'certificate-served',
      'listening',
      'listening',
      'listening',
      'refused unknown-command',
      'refused policy',
      'message-accepted',
      'message-accepted',
      'refused bad-sequence',
      'ended quit',
      'message-discarded',
      'sign-in-accepted',
      'ended quit',
      'sign-in-refused',
      'ended quit',
      'closing',
      'closed',
    ].sort(),
  );
  const traced = { listener: 'mx', helo: 'client.example' };
  expect(lines).toContainEqual(
    expect.objectContaining({
      event: 'refused',
      ...traced,
      verb: 'RCPT',
      argument: 'TO:<…@elsewhere.example>',
    }),
  );
  const [unknown] = lines.filter(({ rule }) => rule === 'unknown-command');
  expect(unknown).toMatchObject(traced);
  expect(unknown).not.toHaveProperty('argument');
  const session = {
    sessionId: expect.any(String) as string,
    listener: 'smtps',
    clientAddress: '127.0.0.1',
    clientPort: expect.any(Number) as number,
    mechanism: 'PLAIN',
    username: 'alice',
  };
  expect(lines).toContainEqual(
    expect.objectContaining({ event: 'sign-in-accepted', ...session, source: 'table' }),
  );
  expect(lines).toContainEqual(
    expect.objectContaining({
      event: 'sign-in-refused',
      ...session,
      cause: 'wrong-secret',
      code: 535,
    }),
  );
  expect(lines).toContainEqual(
    expect.objectContaining({
      event: 'message-discarded',
      listener: 'mx',
      messageId: expect.any(String) as string,
      cause: 'aborted',
    }),
  );
});

test('a mail that cannot be stored counts as one failed commit, and as no refusal', async () => {
  const bucket = 'about-to-go';
  await aws.s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const health = await freePort();
  await using served = await serve(aws, {
    routes,
    store: { bucket },
    log: { level: 'info' },
    health: { host: '127.0.0.1', port: health },
  });
  await aws.s3.send(new DeleteBucketCommand({ Bucket: bucket }));

  const sender = await (await TestClient.connect(served.port('mx'))).openMessage('b@in.example');
  expect(await sender.say(message)).toMatch(/^451 4\.3\.5 /);
  expect(await sender.say('QUIT')).toMatch(/^221 /);
  const counters = await countersOf(health);
  expect(counters).toMatchObject({
    commit_failures: 1,
    'messages_deferred{reason="configuration"}': 1,
    's3_errors{code="NoSuchBucket"}': 1,
  });
  expect(Object.keys(counters).join()).not.toMatch(
    /overload|rejected|command_errors|messages_accepted|plaintext/,
  );
});
