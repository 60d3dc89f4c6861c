import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { PublishCommand } from '@aws-sdk/client-sns';
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestAws, type TestAws } from '../../support/aws.ts';

let aws: TestAws;
let Bucket: string;
beforeAll(async () => {
  aws = await startTestAws();
  Bucket = aws.resources.bucket;
});
afterAll(() => aws.close());

test('listens on loopback only', () => {
  expect(new URL(aws.endpoint).hostname).toBe('127.0.0.1');
  expect(new URL(aws.dynamoDbEndpoint).hostname).toBe('127.0.0.1');
});

test('refuses a conditional write onto an object that exists, and keeps the first', async () => {
  const put = (Body: string) =>
    aws.s3.send(new PutObjectCommand({ Bucket, Key: 'once', Body, IfNoneMatch: '*' }));
  await put('first');
  await expect(put('second')).rejects.toMatchObject({ name: 'PreconditionFailed' });
  const stored = await aws.s3.send(new GetObjectCommand({ Bucket, Key: 'once' }));
  expect(await stored.Body?.transformToString()).toBe('first');
});

test('lets exactly one of many simultaneous conditional writes win', async () => {
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, n) =>
      aws.s3.send(new PutObjectCommand({ Bucket, Key: 'race', Body: `${n}`, IfNoneMatch: '*' })),
    ),
  );
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('refuses to complete a multipart upload onto an object that exists', async () => {
  await aws.s3.send(new PutObjectCommand({ Bucket, Key: 'parts', Body: 'there' }));
  const { UploadId } = await aws.s3.send(
    new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }),
  );
  const upload = { Bucket, Key: 'parts', UploadId };
  const { ETag } = await aws.s3.send(
    new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'x' }),
  );
  await expect(
    aws.s3.send(
      new CompleteMultipartUploadCommand({
        ...upload,
        IfNoneMatch: '*',
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
      }),
    ),
  ).rejects.toMatchObject({ name: 'PreconditionFailed' });
});

test('refuses a body that does not match its SHA-256', async () => {
  await expect(
    aws.s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'bad',
        Body: 'text',
        ChecksumSHA256: Buffer.alloc(32).toString('base64'),
      }),
    ),
  ).rejects.toMatchObject({ name: 'BadDigest' });
});

test('delivers what is published on the topic to the queue', async () => {
  await aws.sns.send(
    new PublishCommand({ TopicArn: aws.resources.topicArn, Subject: 'a', Message: 'hello' }),
  );
  const { Messages } = await aws.sqs.send(
    new ReceiveMessageCommand({ QueueUrl: aws.resources.queueUrl, WaitTimeSeconds: 2 }),
  );
  expect(JSON.parse(Messages?.[0]?.Body ?? '{}')).toMatchObject({ Message: 'hello', Subject: 'a' });
});

describe('an object', () => {
  /** As a client does that is not the SDK: the headers are these and no others. */
  const put = async (key: string, headers: Readonly<Record<string, string>>, body: string) => {
    const { statusCode, body: answer } = await request(`${aws.endpoint}/${Bucket}/${key}`, {
      method: 'PUT',
      headers,
      body: Buffer.from(body),
    });
    return [statusCode, await answer.text()];
  };
  const stored = async (Key: string) => {
    const { Body, ContentType } = await aws.s3.send(new GetObjectCommand({ Bucket, Key }));
    return [await Body?.transformToString(), ContentType];
  };

  const OCTETS = 'application/octet-stream';
  const FORM = 'application/x-www-form-urlencoded';

  test.each([
    ['without a content type', {}, OCTETS],
    ['of a mail', { 'content-type': 'message/rfc822' }, 'message/rfc822'],
    ['put under a condition', { 'if-none-match': '*' }, OCTETS],
    ['of a form', { 'content-type': FORM }, FORM],
  ])('may be empty %s', async (name, headers, type) => {
    const key = `empty-${name.length}`;
    expect(await put(key, headers, '')).toEqual([200, '']);
    expect(await stored(key)).toEqual(['', type]);
  });

  test('that is empty is compared with its checksum', async () => {
    const sha256 = { 'x-amz-checksum-sha256': Buffer.alloc(32).toString('base64') };
    expect((await put('bad-empty', sha256, ''))[0]).toBe(400);
  });

  test.each([
    'application/x-www-form-urlencoded',
    'application/x-amz-json-1.0',
    'application/json',
  ])('of the type %s is stored as it is', async (type) => {
    const key = `typed-${type.length}`;
    expect(await put(key, { 'content-type': type }, 'a=1&b=%20{')).toEqual([200, '']);
    expect(await stored(key)).toEqual(['a=1&b=%20{', type]);
  });

  test('may have an empty part', async () => {
    const upload = { Bucket, Key: 'empty-part' };
    const { UploadId } = await aws.s3.send(new CreateMultipartUploadCommand(upload));
    const url = `${aws.endpoint}/${Bucket}/empty-part?partNumber=1&uploadId=${UploadId}`;
    const { statusCode, body } = await request(url, { method: 'PUT' });
    await body.dump();
    expect(statusCode).toBe(200);
  });
});

describe('a message of SQS', () => {
  const take = async () => {
    const { queueUrl: QueueUrl } = aws.resources;
    const { Messages = [] } = await aws.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 2 }),
    );
    for (const { ReceiptHandle } of Messages) {
      await aws.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    }
    return Messages.map(({ Body }) => Body);
  };
  const every = '\t\n\r \ud7ff\ue000\ufffd\u{10000}\u{1f600}\u{10ffff}';

  test('may have every character that SQS names, alone and in a batch', async () => {
    await take();
    const { queueUrl: QueueUrl } = aws.resources;
    await aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: every }));
    const Entries = [{ Id: 'one', MessageBody: every }];
    const { Failed = [] } = await aws.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    expect(Failed).toEqual([]);
    expect(await take()).toEqual([every, every]);
  });

  test.each(['\0', '\u001f', '\ud83d', '\ude00', '\ufffe', '\uffff'])(
    'may not have %j',
    async (character) => {
      const { queueUrl: QueueUrl } = aws.resources;
      const MessageBody = `a${character}b`;
      await expect(aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }))).rejects.toThrow(
        'Invalid characters found',
      );
    },
  );
});
