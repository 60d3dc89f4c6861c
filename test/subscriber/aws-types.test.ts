// The types of `mailsluice/subscriber` beside those of @types/aws-lambda: one assigns to the other, without a cast. The compiler
// is the test (`npm run check:types`); each assignment is also run once.
import type {
  Context,
  FirehoseTransformationEvent,
  FirehoseTransformationHandler,
  S3Event,
  S3Handler,
  SESEvent,
  SESHandler,
  SESMessage,
  SNSEvent,
  SNSHandler,
  SQSBatchResponse,
  SQSEvent,
  SQSHandler,
  SQSRecord,
} from 'aws-lambda';
import type { Message } from '@aws-sdk/client-sqs';
import { expect, expectTypeOf, test } from 'vitest';
import {
  defineMailHandler,
  type MailBatchResponse,
  parseNotification,
  type SesNotification,
} from '../../src/subscriber/index.ts';
import { firehoseEvent, notificationOf, s3Event, snsEvent, sqsEvent } from './support.ts';

const handler = defineMailHandler(async () => undefined, { log: () => undefined });
const message = JSON.stringify(notificationOf());

test('a handler is a handler of each of AWS’s events', () => {
  const handlers: [SQSHandler, SNSHandler, S3Handler, SESHandler, FirehoseTransformationHandler] = [
    handler,
    handler,
    handler,
    handler,
    handler,
  ];
  expect(handlers).toHaveLength(5);
});

test('a handler takes AWS’s events, and its answer is AWS’s', async () => {
  const sqs: SQSEvent = sqsEvent([message]);
  const answer: SQSBatchResponse = await handler(sqs);
  expect(answer).toEqual({ batchItemFailures: [] });
  expectTypeOf(handler(sqs)).resolves.toEqualTypeOf<MailBatchResponse>();
  const pipes: SQSRecord[] = sqs.Records;
  expectTypeOf(handler(pipes)).resolves.toEqualTypeOf<MailBatchResponse>();
  const firehose: FirehoseTransformationEvent = firehoseEvent([message]);
  expect((await handler(firehose)).records[0]?.result).toBe('Ok');

  const sns: SNSEvent = snsEvent(message);
  const s3: S3Event = s3Event('b', 'a'.repeat(40)) as unknown as S3Event;
  const { mail, receipt } = notificationOf() as unknown as SESMessage;
  const ses: SESEvent = {
    Records: [{ eventSource: 'aws:ses', eventVersion: '1.0', ses: { mail, receipt } }],
  };
  for (const event of [sns, s3, ses]) {
    expectTypeOf(handler(event)).resolves.toEqualTypeOf<void>();
    await handler(event);
  }
});

test('a handler takes AWS’s context, and hands it on as it was declared', async () => {
  const seen: string[] = [];
  const typed = defineMailHandler(
    async (_, context: Context) => void seen.push(context.awsRequestId),
    { log: () => undefined },
  );
  const untyped = defineMailHandler(async (_, context) => {
    expectTypeOf(context?.getRemainingTimeInMillis?.()).toEqualTypeOf<number | undefined>();
  });
  expect(untyped).toBeTypeOf('function');
  const context = { awsRequestId: 'r1', getRemainingTimeInMillis: () => 1000 } as Context;
  const asHandler: SQSHandler = typed;
  await asHandler(sqsEvent([message]), context, () => undefined);
  expect(seen).toEqual(['r1']);
});

test('a record of mail.record is one of AWS’s after one cast', async () => {
  const counts: string[] = [];
  const counting = defineMailHandler(
    async ({ record }) => {
      counts.push((record as SQSRecord).attributes.ApproximateReceiveCount);
    },
    { log: () => undefined },
  );
  await counting(sqsEvent([message]));
  expect(counts).toEqual(['1']);
});

test('what ReceiveMessage gives can be passed on, although its fields may be absent', async () => {
  const messages: Message[] = [{ MessageId: 'm', Body: message }];
  const Records = messages.map(({ MessageId, Body }) => ({
    messageId: MessageId,
    body: Body,
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:mail',
  }));
  const { batchItemFailures } = await handler({ Records });
  expect(batchItemFailures).toEqual([]);
});

test('the message of AWS’s type is a notification, also with exactOptionalPropertyTypes', () => {
  const { mail, receipt } = notificationOf() as unknown as SESMessage;
  const notification: SesNotification = { notificationType: 'Received', mail, receipt };
  expect(parseNotification(notification)).toMatchObject({ ok: true });
});
