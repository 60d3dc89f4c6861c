// The program on an S3 that nobody here wrote, with real signatures and real conditional writes: Ceph's radosgw.
// It is S3-compatible, and not S3: the last test has the differences that the program must bear.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { storeMails } from '../archive/support.ts';
import { listKeys, readObject, takeNotifications } from '../bridge/support.ts';
import type { ReceivedNotification } from '../../src/bridge/contract/notification-types.ts';
import {
  type Fault,
  type FaultProxy,
  type Operation,
  startFaultProxy,
} from '../faults/fault-proxy.ts';
import { messageId } from '../../src/bridge/contract/message-id.ts';
import { type Acknowledged, acknowledgement, Sender, sha256 } from '../faults/sender.ts';
import { ServeProcess } from '../faults/serve-process.ts';
import { type AwsProcess, startAwsProcess } from '../support/aws-process.ts';
import { mailsluice } from '../support/cli.ts';
import { ALWAYS } from './fleet.ts';
import { cannotInstall, INSTALL_MILLIS, RadosGateway } from './radosgw.ts';

const START_MILLIS = 60_000;
const LARGE_OCTETS = 25_000_000;
/** Of 1,000 keys. */
const MORE_THAN_A_PAGE = 1100;
const WRITERS = 8;
const PAST_HOUR = '2026-11-23T13:00:00.000Z';

let reason: string | undefined;
let gateway: RadosGateway;
/** The S3 of it is the gateway. */
let aws: AwsProcess;
let s3Proxy: FaultProxy;
let snsProxy: FaultProxy;
let serve: ServeProcess;
let environment: Readonly<Record<string, string>>;
const stop = new AsyncDisposableStack();

beforeAll(async () => {
  reason = await cannotInstall();
  if (reason !== undefined) return;
  gateway = stop.use(await RadosGateway.start());
  const embedded = stop.use(await startAwsProcess());
  const resources = { ...embedded.resources, bucket: gateway.bucket };
  aws = { ...embedded, s3: gateway.s3, resources };
  s3Proxy = stop.use(await startFaultProxy(gateway.endpoint));
  snsProxy = stop.use(await startFaultProxy(embedded.endpoint));
  environment = {
    ...embedded.environment,
    ...gateway.environment,
    AWS_ENDPOINT_URL_S3: s3Proxy.endpoint,
    AWS_ENDPOINT_URL_SNS: snsProxy.endpoint,
  };
  serve = stop.use(await ServeProcess.start({ aws, environment }));
}, INSTALL_MILLIS + START_MILLIS);
afterAll(() => stop.disposeAsync());

beforeEach(({ skip }) => skip(reason !== undefined, reason));
afterEach(() => {
  for (const proxy of reason === undefined ? [s3Proxy, snsProxy] : []) proxy.reset();
});

function makeMessage(octets: number): Buffer {
  const line = `${randomBytes(24).toString('hex')}\r\n`;
  const body = line.repeat(Math.ceil(octets / line.length));
  return Buffer.from(`Subject: radosgw\r\nFrom: a@sender.example\r\n\r\n${body}`);
}

function md5(octets: Buffer): string {
  return createHash('md5').update(octets).digest('hex');
}

async function send(message: Buffer): Promise<string> {
  const sender = new Sender(serve.port, false);
  return sender.attempt(message);
}

/** Sends a mail that must be answered 250. */
async function deliver(octets = 2000): Promise<Acknowledged> {
  const message = makeMessage(octets);
  const reply = await send(message);
  const mail = acknowledgement(reply, message);
  if (mail === undefined) throw new Error(`expected 250, got ${reply}`);
  return mail;
}

/** The mail's one object, octet by octet, without what was put in front. */
async function storedSha256({ messageId, octets }: Acknowledged): Promise<string> {
  const keys = (await listKeys(aws, 'mail/')).filter((key) => key.endsWith(messageId));
  expect(keys).toHaveLength(1);
  return sha256((await readObject(aws.s3, gateway.bucket, keys[0] ?? '')).body.subarray(-octets));
}

async function announcedIds(): Promise<string[]> {
  return (await takeNotifications(aws, 5)).map(
    ({ Message }) => (JSON.parse(Message) as ReceivedNotification).mail.messageId,
  );
}

async function uploadsLeft(): Promise<number> {
  const { Uploads = [] } = await aws.s3.send(
    new ListMultipartUploadsCommand({ Bucket: gateway.bucket }),
  );
  return Uploads.length;
}

test('a mail is stored by one request, octet by octet, and announced once', async () => {
  const mail = await deliver();
  expect(await storedSha256(mail)).toBe(mail.sha256);
  expect(await announcedIds()).toEqual([mail.messageId]);
  // Two would be one that was understood only at the second try.
  expect(s3Proxy.count('PutObject')).toBe(1);
});

test('a mail of 25 MB is stored in parts, each by one request, and no upload is left', async () => {
  const mail = await deliver(LARGE_OCTETS);
  expect(await storedSha256(mail)).toBe(mail.sha256);
  expect(await announcedIds()).toEqual([mail.messageId]);
  const parts = s3Proxy.seen.filter(({ operation }) => operation === 'UploadPart').length;
  expect(parts).toBeLessThanOrEqual(Math.ceil(LARGE_OCTETS / (5 * 1024 * 1024)));
  // The first answer to a completion may have an empty ETag (16.2), which proves nothing: then it is asked once more.
  expect(s3Proxy.count('CompleteMultipartUpload')).toBeLessThanOrEqual(2);
  expect(await uploadsLeft()).toBe(0);
}, 60_000);

test.each<[string, Operation, Fault, number]>([
  ['PutObject', 'PutObject', { kind: 'reset-after' }, 2000],
  ['a part', 'UploadPart', { kind: 'reset-after' }, LARGE_OCTETS],
  ['CompleteMultipartUpload', 'CompleteMultipartUpload', { kind: 'reset-after' }, LARGE_OCTETS],
])(
  'the answer to %s is lost: 250, one object, announced once',
  async (_, operation, fault, octets) => {
    s3Proxy.inject(operation, fault);
    const mail = await deliver(octets);
    expect(await storedSha256(mail)).toBe(mail.sha256);
    expect(await announcedIds()).toEqual([mail.messageId]);
    expect(s3Proxy.count(operation)).toBeGreaterThan(1);
    expect(await uploadsLeft()).toBe(0);
  },
  60_000,
);

test.each<[string, Operation, number]>([
  ['of a mail', 'PutObject', 2000],
  ['of a part', 'UploadPart', LARGE_OCTETS],
])(
  'other octets %s than were signed are refused, and the right ones stored',
  async (_, operation, octets) => {
    s3Proxy.inject(operation, { kind: 'corrupt' });
    const mail = await deliver(octets);
    expect(await storedSha256(mail)).toBe(mail.sha256);
    expect(await announcedIds()).toEqual([mail.messageId]);
  },
  60_000,
);

test('a part that is refused for good: 451, nothing announced, and no upload left', async () => {
  const fault = { kind: 'refuse', status: 403, code: 'AccessDenied' } as const;
  s3Proxy.inject('UploadPart', fault, ALWAYS);
  expect(await send(makeMessage(LARGE_OCTETS))).toMatch(/^451 /);
  await expect.poll(uploadsLeft, { timeout: 10_000 }).toBe(0);
  expect(await takeNotifications(aws)).toEqual([]);
}, 60_000);

test('radosgw away: 4xx, and 250 again when it is back', async () => {
  await s3Proxy.refuseConnections();
  expect(await send(makeMessage(2000))).toMatch(/^4\d\d /);
  await s3Proxy.acceptConnections();
  await expect.poll(() => send(makeMessage(2000)), { timeout: 20_000 }).toMatch(/^250 /);
  await announcedIds();
}, 60_000);

/** Without the lease of the task that flushes. */
async function markerKeys(): Promise<string[]> {
  return (await listKeys(aws, 'outbox/')).filter((key) => key.endsWith('.json'));
}

test('SNS away: 250 with a marker in the outbox, which the service publishes and deletes', async () => {
  await snsProxy.refuseConnections();
  const mails = [await deliver(), await deliver(LARGE_OCTETS), await deliver()];
  expect(await markerKeys()).toEqual(
    mails.map(({ messageId }) => `outbox/${messageId}.json`).sort(),
  );
  await snsProxy.acceptConnections();
  await expect.poll(() => markerKeys(), { timeout: 60_000 }).toEqual([]);
  expect((await announcedIds()).sort()).toEqual(mails.map(({ messageId }) => messageId).sort());
}, 90_000);

test('outbox list and outbox drain, while no service runs', async () => {
  await snsProxy.refuseConnections();
  const { messageId } = await deliver();
  expect(await serve.end('SIGTERM')).toBe(0);
  await snsProxy.acceptConnections();
  const outbox = (...args: string[]) =>
    mailsluice(['outbox', ...args, '--bucket', gateway.bucket, '--json'], environment);
  const list = await outbox('list');
  expect({ code: list.code, entries: JSON.parse(list.output) as unknown }).toMatchObject({
    code: 0,
    entries: [{ messageId, isPoison: false }],
  });
  const drain = await outbox('drain');
  expect({ code: drain.code, done: JSON.parse(drain.output) as unknown }).toMatchObject({
    code: 0,
    done: { published: 1 },
  });
  expect((await outbox('list')).lines).toEqual(['[]']);
  expect(await announcedIds()).toEqual([messageId]);
  await serve.startAgain();
}, 60_000);

test('every archive command: list, show, fetch, replay and index', async () => {
  const small = await deliver();
  const large = await deliver(LARGE_OCTETS);
  expect((await announcedIds()).sort()).toEqual([small.messageId, large.messageId].sort());
  const archive = async (...args: string[]): Promise<string> => {
    const where = ['--bucket', gateway.bucket];
    const { code, output } = await mailsluice(['archive', ...args, ...where], environment);
    expect({ code, output }).toMatchObject({ code: 0 });
    return output;
  };

  const ids = (await archive('list', '--from', '1h', '--json'))
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { messageId: string }).messageId);
  expect(ids).toEqual(expect.arrayContaining([small.messageId, large.messageId]));
  const only = await archive(
    'list',
    '--from',
    '1h',
    '--min-size',
    '20MB',
    '--keys',
    '--limit',
    '1',
  );
  expect(only.trim()).toMatch(/^mail\/dt=.*\/[0-9a-v]{40}$/);

  for (const { messageId, sha256: content } of [small, large]) {
    expect(JSON.parse(await archive('show', messageId, '--json'))).toMatchObject({
      record: { member: { sha256: content, listener: 'mx' } },
    });
  }

  const folder = await mkdtemp(join(tmpdir(), 'mailsluice-radosgw-test-'));
  try {
    for (const { messageId, sha256: content } of [small, large]) {
      const file = join(folder, 'mail.eml');
      await archive('fetch', messageId, '--as-sent', '--output', file);
      expect(sha256(await readFile(file))).toBe(content);
    }
    await archive('fetch', '--from', '1h', '--limit', '3', '--maildir', join(folder, 'maildir'));
  } finally {
    await rm(folder, { recursive: true });
  }

  const { queueUrl, topicArn } = aws.resources;
  await archive('replay', small.messageId, '--topic', topicArn);
  await archive('replay', large.messageId, '--queue', queueUrl);
  expect((await announcedIds()).sort()).toEqual([small.messageId, large.messageId].sort());

  const [key = ''] = await storeMails(aws, [{ at: PAST_HOUR }]);
  await announcedIds();
  await archive('index', '--from', '2026-11-23', '--to', '2026-11-24');
  const [index = ''] = await listKeys(aws, 'index/');
  const { body } = await readObject(aws.s3, gateway.bucket, index);
  expect(JSON.parse(gunzipSync(body).toString())).toMatchObject({ object_key: key });
}, 120_000);

test('archive list goes through all pages of a listing', async () => {
  const ids = Array.from({ length: MORE_THAN_A_PAGE }, () => messageId(new Date(PAST_HOUR)));
  const waiting = [...ids];
  const write = async (): Promise<void> => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const Key = `many/dt=2026-11-23/hr=13/${id}`;
      await aws.s3.send(new PutObjectCommand({ Bucket: gateway.bucket, Key, Body: 'x' }));
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  const { code, lines } = await mailsluice(
    ['archive', 'list', '--bucket', gateway.bucket, '--prefix', 'many/', '--keys'],
    environment,
  );
  expect(code).toBe(0);
  expect(lines.map((key) => key.slice(-40))).toEqual(ids.sort());
}, 60_000);

test('where radosgw is not S3: no checksums, and no condition on a completion', async () => {
  const Bucket = gateway.bucket;
  const Key = 'differences/object';
  const Body = Buffer.from('octets');
  const ChecksumSHA256 = Buffer.alloc(32).toString('base64');
  const put = (changes: object = {}) =>
    aws.s3.send(new PutObjectCommand({ Bucket, Key, Body, IfNoneMatch: '*', ...changes }));

  // As S3 does it: one of several at once wins, and the ETag of an object in one piece is its MD5.
  const race = await Promise.allSettled(Array.from({ length: 8 }, () => put()));
  const won = race.filter((each) => each.status === 'fulfilled');
  expect(won.map(({ value }) => value.ETag)).toEqual([`"${md5(Body)}"`]);
  const refusals = race.flatMap((each) =>
    each.status === 'rejected' ? [each.reason as Error] : [],
  );
  expect(new Set(refusals.map(({ name }) => name))).toEqual(new Set(['PreconditionFailed']));

  // S3 refuses a wrong checksum, and repeats a right one in its answer.
  const unchecked = await put({ Key: 'differences/unchecked', ChecksumSHA256 });
  expect(unchecked).toMatchObject({ $metadata: { httpStatusCode: 200 } });
  expect(unchecked.ChecksumSHA256).toBeUndefined();

  // S3 refuses to complete an upload onto an object under If-None-Match.
  const { UploadId } = await aws.s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const part = await aws.s3.send(
    new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body }),
  );
  const complete = (upload: string | undefined, key = Key) =>
    aws.s3.send(
      new CompleteMultipartUploadCommand({
        ...{ Bucket, Key: key, UploadId: upload, IfNoneMatch: '*' },
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag }] },
      }),
    );
  // The ETag has no quotes, and is empty at times.
  const etag = /^([0-9a-f]{32}-1)?$/;
  expect((await complete(UploadId)).ETag).toMatch(etag);
  // S3 says NoSuchUpload to both; radosgw answers that the object exists where the parts are those of that object.
  expect((await complete(UploadId)).ETag).toMatch(etag);
  expect((await complete('2~never')).ETag).toMatch(etag);
  await expect(complete('2~never', 'differences/none')).rejects.toMatchObject({
    name: 'InternalError',
    message: 'This multipart completion is already in progress',
  });
}, 60_000);
