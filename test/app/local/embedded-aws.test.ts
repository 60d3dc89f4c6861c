import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { PublishCommand } from '@aws-sdk/client-sns';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
