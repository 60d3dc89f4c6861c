// Every way in which S3 can fail to give a mail, through the real client: AWS's own answers by the fault proxy in front of the
// embedded S3, and what a network does. Each row has the sentence that the operator reads.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  defineMailHandler,
  fetchMail,
  MailAlreadyReadError,
  type MailLogEntry,
  MailNotFoundError,
  MailUnavailableError,
  MailUnreadableError,
  parseMail,
  requireNotification,
} from '../../src/subscriber/index.ts';
import { type FaultProxy, startFaultProxy } from '../faults/fault-proxy.ts';
import { startTestAws, type TestAws } from '../support/aws.ts';
import { MESSAGE_ID, notificationOf, s3Event } from './support.ts';

const TEXT = 'From: a@client.example\r\nSubject: here\r\n\r\nHello\r\n';
const KEY = `failing/${MESSAGE_ID}`;
const ROLE = 'arn:aws:sts::111122223333:assumed-role/reader/fn';

let aws: TestAws;
let proxy: FaultProxy;
let s3: S3Client;
beforeAll(async () => {
  aws = await startTestAws();
  proxy = await startFaultProxy(aws.endpoint);
  s3 = clientOf(proxy.endpoint);
  await aws.s3.send(new PutObjectCommand({ Bucket: aws.resources.bucket, Key: KEY, Body: TEXT }));
});
afterEach(() => proxy.reset());
afterAll(async () => {
  s3.destroy();
  await proxy[Symbol.asyncDispose]();
  await aws.close();
});

function clientOf(endpoint: string, maxAttempts = 1): S3Client {
  const { region, credentials } = aws;
  return new S3Client({ region, credentials, endpoint, maxAttempts, forcePathStyle: true });
}

function announced(objectKeyPrefix = 'failing/', bucketName = aws.resources.bucket) {
  return requireNotification(notificationOf({ bucketName, objectKeyPrefix }));
}

interface S3Answer {
  readonly status: number;
  readonly code: string;
  readonly message?: string;
  readonly more?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** As S3 writes it. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#RESTErrorResponses */
function answerGets({ status, code, message = 'x', more = '', headers }: S3Answer): void {
  const body = Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message>${more}<RequestId>R1</RequestId><HostId>H1</HostId></Error>`,
  );
  const answer = { status, headers: { 'content-type': 'application/xml', ...headers }, body };
  proxy.inject('GetObject', { kind: 'answer', carriesOut: false, answer: () => answer }, 99);
}

const notAuthorized = (action: string, resource: string) =>
  `User: ${ROLE} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;

const gone = MailNotFoundError;
const unreadable = MailUnreadableError;
const later = MailUnavailableError;

test.each<[S3Answer, typeof gone | typeof unreadable | typeof later, string]>([
  [
    { status: 404, code: 'NoSuchKey' },
    gone,
    'not there: expired by a lifecycle rule, deleted, or never stored',
  ],
  [
    { status: 404, code: 'NoSuchKey', headers: { 'x-amz-delete-marker': 'true' } },
    gone,
    'deleted; if the bucket keeps versions, `aws s3api list-object-versions --bucket BUCKET` shows an older one',
  ],
  [
    {
      status: 403,
      code: 'AccessDenied',
      message: notAuthorized('s3:ListBucket', '"arn:aws:s3:::mail"'),
    },
    gone,
    'not there, or hidden: with s3:ListBucket on the bucket the role of the function would learn which (AccessDenied)',
  ],
  [
    {
      status: 403,
      code: 'AccessDenied',
      message: notAuthorized('kms:Decrypt', 'arn:aws:kms:us-east-1:111122223333:key/k'),
    },
    later,
    'the role of the function lacks kms:Decrypt on the KMS key of the object, in its own policy or in that of the key (AccessDenied)',
  ],
  [
    {
      status: 403,
      code: 'AccessDenied',
      message: notAuthorized('s3:GetObject', '"arn:aws:s3:::mail/x"'),
    },
    later,
    'the role of the function lacks s3:GetObject on the object, or a policy of the bucket denies it (AccessDenied)',
  ],
  [
    { status: 403, code: 'AccessDenied', message: 'Access Denied' },
    later,
    'the role of the function may not read it, or it is not there and the role lacks s3:ListBucket (AccessDenied)',
  ],
  [
    {
      status: 403,
      code: 'InvalidObjectState',
      message: "The operation is not valid for the object's storage class",
      more: '<StorageClass>DEEP_ARCHIVE</StorageClass>',
    },
    unreadable,
    'in cold storage (DEEP_ARCHIVE): restore it with `aws s3api restore-object`, then redrive the dead-letter queue',
  ],
  [
    { status: 403, code: 'InvalidObjectState' },
    unreadable,
    'in cold storage: restore it with `aws s3api restore-object`, then redrive the dead-letter queue',
  ],
  [
    { status: 404, code: 'NoSuchBucket' },
    unreadable,
    'there is no bucket BUCKET: it was deleted, or the notification names a wrong one',
  ],
  [
    {
      status: 301,
      code: 'PermanentRedirect',
      headers: { 'x-amz-bucket-region': 'eu-west-1' },
    },
    unreadable,
    'the bucket is in the region eu-west-1 (PermanentRedirect): give the handler an S3 client of that region',
  ],
  [
    {
      status: 400,
      code: 'AuthorizationHeaderMalformed',
      more: '<Region>eu-west-1</Region>',
    },
    unreadable,
    'the bucket is in the region eu-west-1 (AuthorizationHeaderMalformed): give the handler an S3 client of that region',
  ],
  ...['KMS.DisabledException', 'KMS.KMSInvalidStateException', 'KMS.NotFoundException'].map(
    (code): [S3Answer, typeof unreadable, string] => [
      { status: 400, code },
      unreadable,
      `the KMS key of the object cannot be used (${code}): enable the key or cancel its deletion, then redrive the dead-letter queue`,
    ],
  ),
  [
    { status: 403, code: 'AllAccessDisabled' },
    unreadable,
    'AWS has disabled all access to the object: ask AWS Support',
  ],
  ...['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'RequestTimeTooSkewed'].map(
    (code): [S3Answer, typeof later, string] => [
      { status: 403, code },
      later,
      `AWS refused the credentials (${code}): check the role of the function and the clock of the machine`,
    ],
  ),
  [{ status: 503, code: 'SlowDown' }, later, 'S3 could not answer now (SlowDown)'],
  [{ status: 500, code: 'InternalError' }, later, 'S3 could not answer now (InternalError)'],
  [
    { status: 503, code: 'ServiceUnavailable' },
    later,
    'S3 could not answer now (ServiceUnavailable)',
  ],
  [{ status: 400, code: 'RequestTimeout' }, later, 'S3 could not answer now (RequestTimeout)'],
  [{ status: 418, code: 'SomethingNew' }, later, 'S3 could not answer now (SomethingNew)'],
])('S3 answers $status $code, and the error says what to do', async (answer, type, sentence) => {
  answerGets(answer);
  const { bucket } = aws.resources;
  const failure = fetchMail(announced(), { s3 });
  await expect(failure).rejects.toBeInstanceOf(type);
  await expect(failure).rejects.toMatchObject({
    message: `s3://${bucket}/${KEY}: ${sentence.replace('BUCKET', bucket)}`,
    cause: { $metadata: { httpStatusCode: answer.status } },
  });
});

test('an object under Object Lock is read like any other', async () => {
  proxy.inject('GetObject', {
    kind: 'answer',
    carriesOut: true,
    answer: (own) => ({
      status: 200,
      body: Buffer.from(TEXT),
      ...own,
      headers: {
        ...own?.headers,
        'x-amz-object-lock-mode': 'COMPLIANCE',
        'x-amz-object-lock-retain-until-date': '2036-11-23T13:14:15.000Z',
        'x-amz-version-id': 'v1',
      },
    }),
  });
  const { stream } = await fetchMail(announced(), { s3 });
  expect((await buffer(stream)).toString()).toBe(TEXT);
});

test('a sidecar that is gone is named itself, not the mail beside it', async () => {
  const key = `sidecar/${MESSAGE_ID}`;
  const { bucket } = aws.resources;
  await aws.s3.send(
    new PutObjectCommand({ Bucket: bucket, Key: key, Body: TEXT, Metadata: { sidecar: '1' } }),
  );
  const failure = fetchMail(requireNotification(s3Event(bucket, key)), { s3 });
  await expect(failure).rejects.toBeInstanceOf(MailNotFoundError);
  await expect(failure).rejects.toThrow(`s3://${bucket}/${key}.envelope.json: not there`);
});

test('S3 that takes the request and says nothing is waited for only so long', async () => {
  proxy.inject('GetObject', { kind: 'hang' }, 9);
  const failure = fetchMail(announced(), { s3, silenceMillis: 300 });
  await expect(failure).rejects.toBeInstanceOf(MailUnavailableError);
  await expect(failure).rejects.toThrow('S3 could not answer now (TimeoutError)');
});

test('S3 that takes the connection and says nothing, and is no HTTP server at all', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const silent = clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 3);
  const failure = fetchMail(announced(), { s3: silent, silenceMillis: 300 });
  await expect(failure).rejects.toBeInstanceOf(MailUnavailableError);
  silent.destroy();
});

/** The first half of the object, then nothing more. */
async function startHalf(onHalf: (socket: Socket) => void): Promise<S3Client> {
  const server = createServer((socket) => {
    socket.once('data', () => {
      const half = TEXT.slice(0, 20);
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${TEXT.length}\r\n\r\n${half}`, () =>
        onHalf(socket),
      );
    });
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  return client;
}

test('S3 that goes silent in the middle of a mail fails the reading as a fault of S3', async () => {
  const client = await startHalf(() => undefined);
  const fetched = await fetchMail(announced(), { s3: client, silenceMillis: 2000 });
  const failure = parseMail(fetched);
  await expect(failure).rejects.toBeInstanceOf(MailUnavailableError);
  await expect(failure).rejects.toHaveProperty('cause.name', 'TimeoutError');
});

test('a reader who takes longer than the limit is not a silent S3', async () => {
  const { stream } = await fetchMail(announced(), { s3, silenceMillis: 2000 });
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect((await buffer(stream)).toString()).toBe(TEXT);
});

test('a connection that is reset in the middle of a mail fails the reading as a fault of S3', async () => {
  const client = await startHalf((socket) => socket.resetAndDestroy());
  const failure = fetchMail(announced(), { s3: client }).then((fetched) => parseMail(fetched));
  await expect(failure).rejects.toBeInstanceOf(MailUnavailableError);
});

test('an abort ends a request that S3 does not answer, with its own reason', async () => {
  proxy.inject('GetObject', { kind: 'hang' }, 9);
  const abort = new AbortController();
  const failure = fetchMail(announced(), { s3, signal: abort.signal });
  await proxy.arrival('GetObject');
  abort.abort(new Error('enough'));
  await expect(failure).rejects.toThrow('enough');
});

test('an abort before anybody reads is the reader’s error, and ends no process', async () => {
  const abort = new AbortController();
  const fetched = await fetchMail(announced(), { s3, signal: abort.signal });
  abort.abort(new Error('enough'));
  await new Promise((resolve) => setTimeout(resolve, 10));
  await expect(parseMail(fetched)).rejects.toThrow('enough');
  await expect(buffer(fetched.stream)).rejects.toThrow('enough');
});

test.each<[string, (stream: NodeJS.ReadableStream) => Promise<unknown>]>([
  ['wholly', (stream) => buffer(stream)],
  [
    'in part',
    async (stream) => {
      for await (const _ of stream) break;
    },
  ],
  [
    'a few octets of it',
    async (stream) => {
      await once(stream, 'readable');
      stream.read(4);
    },
  ],
])('a mail that was read %s is not parsed as an empty one', async (_, scan) => {
  const log: MailLogEntry[] = [];
  const handler = defineMailHandler(
    async (mail) => {
      const fetched = await mail.fetch();
      await scan(fetched.stream);
      await parseMail(fetched);
    },
    { s3, log: (entry) => log.push(entry) },
  );
  const notification = notificationOf({
    bucketName: aws.resources.bucket,
    objectKeyPrefix: 'failing/',
  });
  await expect(handler(notification)).rejects.toBeInstanceOf(MailAlreadyReadError);
  expect(log).toMatchObject([{ outcome: 'failed' }]);
});

test('a mail can be read twice by fetching it twice', async () => {
  const texts: string[] = [];
  const handler = defineMailHandler(
    async (mail) => {
      texts.push((await buffer((await mail.fetch()).stream)).toString());
      texts.push((await parseMail(await mail.fetch())).subject ?? '');
    },
    { s3, log: () => undefined },
  );
  const { bucket: bucketName } = aws.resources;
  await handler(notificationOf({ bucketName, objectKeyPrefix: 'failing/' }));
  expect(texts).toEqual([TEXT, 'here']);
});
