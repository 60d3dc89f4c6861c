// The duplicate guard under SIGKILL: a task dies at each step of a commit, and the sender's next try goes to another
// task. It is answered within the lease and the usual time; then the mail is there once, under one id, and announced.
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { rebuildNotification } from '../../src/bridge/stored-mail.ts';
import { listKeys, readObject, takeNotifications } from '../bridge/support.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { DnsServer } from '../support/dns-server.ts';
import { type Fault, type FaultProxy, type Seen, startFaultProxy } from './fault-proxy.ts';
import { Sender } from './sender.ts';
import { ServeProcess } from './serve-process.ts';

/** The lease is counted in whole seconds. */
const LEASE_MILLIS = 6000;
const USUAL_MILLIS = 3000;
const RECIPIENTS = ['b@in.example', 'c@other.example'];

let aws: TestAws;
let proxy: FaultProxy;
let dynamoDbProxy: FaultProxy;
let survivor: ServeProcess;
/** Senders are judged meanwhile. */
let dns: DnsServer;
/** Of the present test: the next ones have other mail. */
let keysBefore: ReadonlySet<string>;
let number = 0;

beforeAll(async () => {
  aws = await startTestAws();
  proxy = await startFaultProxy(aws.endpoint);
  dynamoDbProxy = await startFaultProxy(aws.dynamoDbEndpoint);
  dns = await DnsServer.start();
  survivor = await startServe({});
});
afterEach(() => {
  proxy.reset();
  dynamoDbProxy.reset();
});
afterAll(async () => {
  await survivor[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await dynamoDbProxy[Symbol.asyncDispose]();
  await dns[Symbol.asyncDispose]();
  await aws.close();
});

function startServe(environment: Readonly<Record<string, string>>): Promise<ServeProcess> {
  return ServeProcess.start({
    aws,
    environment,
    configuration: () => ({
      routes: [
        { recipients: ['*@in.example'] },
        { recipients: ['*@other.example'], prefix: 'other/' },
      ],
      duplicates: { window: '1h', table: aws.resources.table },
      verify: { resolvers: [dns.address] },
    }),
  });
}

function makeMail(octets: number): Buffer {
  number += 1;
  const line = `${'abcdefghi '.repeat(7)}\r\n`;
  return Buffer.from(
    `From: a@b.example\r\nSubject: crash ${number}\r\n\r\n${line.repeat(Math.ceil(octets / line.length))}`,
  );
}

interface Step {
  readonly of: 'aws' | 'dynamodb';
  readonly operation: Parameters<FaultProxy['inject']>[0];
  readonly fault: Fault;
  readonly matches?: (seen: Seen) => boolean;
}

interface Outcome {
  /** What the row of the first try says. */
  readonly firstId: string;
  readonly secondId: string;
  readonly keys: readonly string[];
}

const isSidecar = (key: string): boolean => key.endsWith('.envelope.json');
const isMail = ({ key }: Seen): boolean => !isSidecar(key) && !key.startsWith('outbox/');
const isOther = (seen: Seen): boolean => seen.key.startsWith('other/') && isMail(seen);
const isDone = ({ body }: Seen): boolean => body.includes('"state":{"S":"done"}');

const AFTER_CLAIM: Step = { of: 'dynamodb', operation: 'PutItem', fault: { kind: 'hang-after' } };
const BEFORE_DONE: Step = {
  of: 'dynamodb',
  operation: 'PutItem',
  fault: { kind: 'hang' },
  matches: isDone,
};

/** Kills a task in a commit where the steps hang, and gives the mail to the other. */
async function crashAndTryAgain(
  mail: Buffer,
  recipients: readonly string[],
  ...steps: readonly Step[]
): Promise<Outcome> {
  keysBefore = new Set(await listKeys(aws));
  await takeNotifications(aws);
  for (const { of, operation, fault, matches } of steps) {
    (of === 'aws' ? proxy : dynamoDbProxy).inject(operation, fault, 1, matches);
  }
  await using victim = await startServe({
    AWS_ENDPOINT_URL: proxy.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDbProxy.endpoint,
  });
  const first = new Sender(victim.port, false, recipients).attempt(mail).catch(() => 'broken');
  while (proxy.hanging + dynamoDbProxy.hanging < steps.length) await pause(10);
  await victim.end('SIGKILL');
  // It was not answered.
  expect(['', 'broken']).toContain(await first);
  const claim = dynamoDbProxy.seen.find(({ operation }) => operation === 'PutItem');
  const { Item } = JSON.parse(String(claim?.body)) as { Item: { messageId: { S: string } } };

  const began = performance.now();
  const reply = await new Sender(survivor.port, false, recipients).attempt(mail);
  expect(performance.now() - began).toBeLessThan(LEASE_MILLIS + USUAL_MILLIS);
  const secondId = /^250 2\.0\.0 Ok: queued as ([0-9a-v]{40})$/.exec(reply)?.[1];
  if (secondId === undefined) throw new Error(reply);
  // Once more, as a sender that lost this 250 too: it is a duplicate now.
  expect(await new Sender(survivor.port, false, recipients).attempt(mail)).toBe(reply);
  return { firstId: Item.messageId.S, secondId, keys: await expectOneEach(mail, recipients) };
}

/** One object for each prefix, whole, and each announced as the archive would announce it again; nothing else is left. */
async function expectOneEach(mail: Buffer, recipients: readonly string[]): Promise<string[]> {
  const { s3, resources } = aws;
  const { bucket } = resources;
  const left = (await listKeys(aws)).filter((key) => !keysBefore.has(key));
  const keys = left.filter((key) => !isSidecar(key));
  expect(keys.map((key) => key.slice(0, key.indexOf('/'))).sort()).toEqual(
    recipients.length === 1 ? ['mail'] : ['mail', 'other'],
  );
  const announced = new Set((await takeNotifications(aws, 2)).map(({ Message }) => Message));
  const rebuilt = new Set<string>();
  for (const key of keys) {
    const { body } = await readObject(s3, bucket, key);
    expect(body.subarray(-mail.length).equals(mail)).toBe(true);
    rebuilt.add((await rebuildNotification({ s3, bucket }, key)).message);
  }
  expect(announced).toEqual(rebuilt);
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  expect(Uploads).toEqual([]);
  return keys;
}

describe('a small mail, the task dies', () => {
  test.each<[string, Step]>([
    ['when the claim is made', AFTER_CLAIM],
    [
      'before the object is stored',
      { of: 'aws', operation: 'PutObject', fault: { kind: 'hang' }, matches: isMail },
    ],
    [
      'when the object is stored',
      { of: 'aws', operation: 'PutObject', fault: { kind: 'hang-after' }, matches: isMail },
    ],
    ['before the announcement', { of: 'aws', operation: 'Publish', fault: { kind: 'hang' } }],
    ['after the announcement', { of: 'aws', operation: 'Publish', fault: { kind: 'hang-after' } }],
    ['before it is marked done', BEFORE_DONE],
    [
      'when it is marked done',
      { of: 'dynamodb', operation: 'PutItem', fault: { kind: 'hang-after' }, matches: isDone },
    ],
  ])('%s: the next try goes on under the first id', { timeout: 60_000 }, async (_, step) => {
    const { firstId, secondId, keys } = await crashAndTryAgain(
      makeMail(1000),
      ['b@in.example'],
      step,
    );
    expect(secondId).toBe(firstId);
    expect(keys[0]?.endsWith(`/${firstId}`)).toBe(true);
  });

  test('when one of two objects is stored: the next try stores the other', {
    timeout: 60_000,
  }, async () => {
    const { firstId, secondId } = await crashAndTryAgain(
      makeMail(1000),
      RECIPIENTS,
      { of: 'aws', operation: 'PutObject', fault: { kind: 'hang-after' }, matches: isOther },
      {
        of: 'aws',
        operation: 'PutObject',
        fault: { kind: 'hang' },
        matches: (seen) => isMail(seen) && !isOther(seen),
      },
    );
    expect(secondId).toBe(firstId);
  });
});

describe('a mail in parts, the task dies', () => {
  test.each<[string, Step]>([
    ['when the claim is made', AFTER_CLAIM],
    [
      'before the completion',
      { of: 'aws', operation: 'CompleteMultipartUpload', fault: { kind: 'hang' } },
    ],
  ])('%s: the next try goes on under its own id', { timeout: 60_000 }, async (_, step) => {
    const { firstId, secondId, keys } = await crashAndTryAgain(
      makeMail(9_000_000),
      ['b@in.example'],
      step,
    );
    expect(secondId).not.toBe(firstId);
    expect(keys[0]?.endsWith(`/${secondId}`)).toBe(true);
  });

  test.each<[string, Step]>([
    [
      'when it is completed',
      { of: 'aws', operation: 'CompleteMultipartUpload', fault: { kind: 'hang-after' } },
    ],
    ['before the announcement', { of: 'aws', operation: 'Publish', fault: { kind: 'hang' } }],
    ['before it is marked done', BEFORE_DONE],
  ])('%s: the next try goes on under the first id', { timeout: 60_000 }, async (_, step) => {
    const { firstId, secondId, keys } = await crashAndTryAgain(
      makeMail(9_000_000),
      ['b@in.example'],
      step,
    );
    expect(secondId).toBe(firstId);
    expect(keys[0]?.endsWith(`/${firstId}`)).toBe(true);
  });

  test.each([
    ['the first', (seen: Seen) => !isOther(seen)],
    ['the second', isOther],
  ])(
    'when %s of two objects is completed: it stays, and the other is new',
    {
      timeout: 60_000,
    },
    async (_, isCompleted) => {
      const operation = 'CompleteMultipartUpload';
      const { firstId, secondId, keys } = await crashAndTryAgain(
        makeMail(9_000_000),
        RECIPIENTS,
        { of: 'aws', operation, fault: { kind: 'hang-after' }, matches: isCompleted },
        { of: 'aws', operation, fault: { kind: 'hang' }, matches: (seen) => !isCompleted(seen) },
      );
      // The client hears the id of the first placement.
      expect(secondId === firstId).toBe(isCompleted !== isOther);
      expect(keys.some((key) => key.startsWith('mail/') && key.endsWith(`/${secondId}`))).toBe(
        true,
      );
    },
  );
});
