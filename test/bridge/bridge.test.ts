import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Bridge, type BridgeEvent, createBridge } from '../../src/bridge/index.ts';
import type { ReceivedNotification } from '../../src/bridge/contract/notification-types.ts';
import type { BridgeOptions } from '../../src/bridge/options.ts';
import { createRoutes } from '../../src/policy/routes.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { deliver, facts, listKeys, readObject, takeNotifications } from './support.ts';

let aws: TestAws;
let events: BridgeEvent[] = [];
beforeAll(async () => {
  aws = await startTestAws();
});
afterEach(async () => {
  events = [];
  await takeNotifications(aws);
});
afterAll(() => aws.close());

function makeBridge(options: Partial<BridgeOptions> = {}): Bridge {
  return createBridge({
    s3: aws.s3,
    sns: aws.sns,
    bucket: aws.resources.bucket,
    topicArn: aws.resources.topicArn,
    hostname: 'mx.in.example',
    observe: (event) => events.push(event),
    ...options,
  });
}

const MAIL = [
  'From: =?utf-8?Q?M=C3=BCller=2C_Ann?= <ann@sender.example>',
  'To: "Bob" <bob@in.example>, carol@in.example',
  'Subject: =?utf-8?B?R3LDvMOfZQ==?=',
  'Message-ID: <one@sender.example>',
  '',
  'Hello.',
  '',
].join('\r\n');

async function onlyNotification(): Promise<ReceivedNotification> {
  const taken = await takeNotifications(aws, 2);
  expect(taken).toHaveLength(1);
  return JSON.parse(taken[0]?.Message ?? '') as ReceivedNotification;
}

test('stores the mail behind its trace headers, announces it, and only then says 250 with its id', async () => {
  const of = facts({ receivedAt: new Date('2026-11-23T13:05:06.789Z') });
  const reply = await deliver(makeBridge(), of, MAIL);
  expect(reply).toEqual({ code: 250, status: '0.0', text: `Ok: queued as ${of.messageId}` });

  const key = `mail/dt=2026-11-23/hr=13/${of.messageId}`;
  const { body, metadata, contentType } = await readObject(aws.s3, aws.resources.bucket, key);
  expect(contentType).toBe('message/rfc822');
  expect(body.toString().endsWith(MAIL)).toBe(true);
  expect(body.toString()).toMatch(
    /^Return-Path: <ann@sender\.example>\r\nReceived: from client\.example/,
  );
  const sha256 = createHash('sha256').update(MAIL).digest('hex');
  expect(metadata).toMatchObject({
    schema: '1',
    received: '2026-11-23T13:05:06.789Z',
    listener: 'mx',
    sha256,
  });

  const { mail, receipt, mailsluice } = await onlyNotification();
  expect(mail).toMatchObject({
    timestamp: '2026-11-23T13:05:06.789Z',
    source: 'ann@sender.example',
    messageId: of.messageId,
    destination: ['bob@in.example', 'carol@in.example'],
    headersTruncated: false,
    commonHeaders: {
      returnPath: 'ann@sender.example',
      from: ['"Müller, Ann" <ann@sender.example>'],
      to: ['"Bob" <bob@in.example>', 'carol@in.example'],
      messageId: '<one@sender.example>',
      subject: 'Grüße',
    },
  });
  expect(mail.headers.map(({ name }) => name)).toEqual([
    'Return-Path',
    'Received',
    'Received-SPF',
    'Authentication-Results',
    'From',
    'To',
    'Subject',
    'Message-ID',
  ]);
  expect(receipt).toMatchObject({
    recipients: ['bob@in.example'],
    spfVerdict: { status: 'GRAY' },
    action: {
      type: 'S3',
      topicArn: aws.resources.topicArn,
      bucketName: aws.resources.bucket,
      objectKeyPrefix: 'mail/dt=2026-11-23/hr=13/',
      objectKey: key,
    },
  });
  expect(Number.isSafeInteger(receipt.processingTimeMillis)).toBe(true);
  expect(receipt.processingTimeMillis).toBeGreaterThan(0);
  expect(mailsluice).toMatchObject({ schemaVersion: 1, sha256, size: MAIL.length });
});

test('gives the notification its subject and nine attributes at the most', async () => {
  const of = facts({
    to: ['bob@In.example', 'eve@other.example', 'joe@in.example'],
    session: { identity: { username: 'printer', mechanism: 'PLAIN' } },
  });
  await deliver(makeBridge(), of, MAIL);
  const [delivered] = await takeNotifications(aws, 2);
  expect(delivered?.Subject).toBe('Amazon SES Email Receipt Notification');
  expect(delivered?.MessageAttributes).toEqual({
    listener: { Type: 'String', Value: 'mx' },
    authUser: { Type: 'String', Value: 'printer' },
    mailFromDomain: { Type: 'String', Value: 'sender.example' },
    recipientDomains: { Type: 'String.Array', Value: '["in.example","other.example"]' },
    sizeBytes: { Type: 'Number', Value: String(MAIL.length) },
    verdict: { Type: 'String', Value: 'GRAY' },
    replay: { Type: 'String', Value: 'false' },
  });
});

test('stores the received octets alone when trace headers are off', async () => {
  const of = facts();
  await deliver(makeBridge({ traceHeaders: false, prefix: 'raw' }), of, MAIL);
  const [key] = await listKeys(aws, 'raw/');
  expect(key).toMatch(new RegExp(`^raw/dt=.*/hr=../${of.messageId}$`));
  const { body } = await readObject(aws.s3, aws.resources.bucket, key ?? '');
  expect(body.toString()).toBe(MAIL);
  const { mail } = await onlyNotification();
  expect(mail.headers[0]?.name).toBe('From');
  expect(mail.commonHeaders.returnPath).toBe('ann@sender.example');
});

test('stores one object for each prefix that the routes name, each with its own recipients', async () => {
  const routes = createRoutes(
    [{ recipients: ['*@a.example'], prefix: 'a/' }, { recipients: ['*'] }],
    'mx.in.example',
  );
  const of = facts({ to: ['x@a.example', 'y@b.example', 'z@a.example'] });
  await deliver(makeBridge({ routes, prefix: 'rest/' }), of, MAIL);
  const seen = (await takeNotifications(aws, 2))
    .map(({ Message }) => JSON.parse(Message) as ReceivedNotification)
    .map(({ mail, receipt }) => ({ ...receipt, id: mail.messageId }))
    .sort((one, other) => one.action.objectKey.localeCompare(other.action.objectKey));
  expect(seen.map(({ recipients }) => recipients)).toEqual([
    ['x@a.example', 'z@a.example'],
    ['y@b.example'],
  ]);
  expect(seen[0]?.id).toBe(of.messageId);
  expect(seen[1]?.id).not.toBe(of.messageId);
  for (const { action, id, recipients } of seen) {
    expect(action.objectKey).toBe(action.objectKeyPrefix + id);
    const { body } = await readObject(aws.s3, aws.resources.bucket, action.objectKey);
    expect(body.toString()).toContain(`id ${id}`);
    // RFC 5321 section 7.2: one recipient may be named, several may not.
    expect(body.toString().includes(`for <${recipients[0]}>`)).toBe(recipients.length === 1);
  }
});

test('uploads a mail over 8 MiB in parts and keeps its record beside it', async () => {
  const body = Buffer.alloc(17 * 1024 * 1024, 'abcdefg\r\n');
  const content = Buffer.concat([Buffer.from(MAIL), body]);
  const of = facts();
  const bridge = makeBridge({ prefix: 'large/' });
  expect(await deliver(bridge, of, content)).toMatchObject({ code: 250 });
  const [key, sidecar] = await listKeys(aws, 'large/');
  expect(sidecar).toBe(`${key}.envelope.json`);
  const stored = await readObject(aws.s3, aws.resources.bucket, key ?? '');
  expect(stored.body.subarray(stored.body.length - content.length).equals(content)).toBe(true);
  expect(stored.metadata).toMatchObject({ schema: '1', sidecar: '1' });
  const { mailsluice } = await onlyNotification();
  expect(mailsluice.sha256).toBe(createHash('sha256').update(content).digest('hex'));
});

test('puts an envelope that the metadata cannot hold into a sidecar', async () => {
  const to = Array.from({ length: 100 }, (_, n) => `recipient-number-${n}@in.example`);
  await deliver(makeBridge({ prefix: 'many/' }), facts({ to }), MAIL);
  const keys = await listKeys(aws, 'many/');
  expect(keys).toHaveLength(2);
  const { metadata } = await readObject(aws.s3, aws.resources.bucket, keys[0] ?? '');
  expect(metadata['sidecar']).toBe('1');
  const { receipt } = await onlyNotification();
  expect(receipt.recipients).toEqual(to);
});

test('an observer that throws does not turn a stored mail into a 451', async () => {
  const warned = once(process, 'warning');
  const bridge = makeBridge({
    observe: () => {
      throw new Error('the log is full');
    },
  });
  expect(await deliver(bridge, facts(), MAIL)).toMatchObject({ code: 250 });
  const [warning] = (await warned) as [Error];
  expect(warning.message).toBe('the log is full');
});

test('stores nothing of a discarded message and says why', async () => {
  const bridge = makeBridge({ prefix: 'discarded/' });
  const opened = await bridge.open(facts(), () => undefined);
  if (opened.kind === 'refuse') throw new Error('refused');
  const { writer } = opened;
  writer.write(Buffer.from('From: a'));
  writer.discard('aborted');
  await bridge.idle();
  expect(await listKeys(aws, 'discarded/')).toEqual([]);
  expect(events).toMatchObject([{ kind: 'message-discarded', cause: 'aborted', sizeInOctets: 7 }]);
});

test('defers with 451 4.3.5 when the bucket is not there, and names the fault to the operator only', async () => {
  const reply = await deliver(makeBridge({ bucket: 'no-such-bucket' }), facts(), MAIL);
  expect(reply).toMatchObject({ code: 451, status: '3.5' });
  expect(reply.text).not.toContain('NoSuchBucket');
  const failure = { service: 's3', cause: 'configuration', code: 'NoSuchBucket' };
  expect(events).toContainEqual(
    expect.objectContaining({
      kind: 'aws-misconfigured',
      failure: expect.objectContaining(failure) as unknown,
    }),
  );
  expect(events.find(({ kind }) => kind === 'message-deferred')).toMatchObject({ failure });
  expect(await takeNotifications(aws)).toEqual([]);
});

test('puts the notification into the outbox when the topic is not there, and says 250', async () => {
  const of = facts();
  const topicArn = 'arn:aws:sns:us-east-1:000000000000:none';
  const reply = await deliver(makeBridge({ topicArn }), of, MAIL);
  expect(reply).toMatchObject({ code: 250 });
  const { body } = await readObject(aws.s3, aws.resources.bucket, `outbox/${of.messageId}.json`);
  const marker = JSON.parse(body.toString()) as { notification: { message: string } };
  expect(JSON.parse(marker.notification.message)).toMatchObject({
    receipt: { action: { topicArn } },
    mail: { messageId: of.messageId },
  });
  expect(events).toContainEqual(
    expect.objectContaining({
      kind: 'aws-misconfigured',
      failure: expect.objectContaining({ service: 'sns', cause: 'configuration' }) as unknown,
    }),
  );
});
