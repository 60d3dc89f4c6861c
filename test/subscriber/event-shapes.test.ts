// The events that AWS invokes a function with, by the shapes that its documentation shows, one inside another as services are
// chained.
import { expect, test } from 'vitest';
import { parseNotification, parseNotifications } from '../../src/subscriber/index.ts';
import {
  eventBridgeEvent,
  firehoseEvent,
  invocationEvent,
  invocationRecord,
  MESSAGE_ID,
  notificationOf,
  s3Event,
  snsEvent,
  sqsEvent,
  wrappedBySns,
} from './support.ts';

const notification = notificationOf();
const message = JSON.stringify(notification);
const bucketName = 'mailsluice-mail';
const prefix = 'mail/dt=2026-11-23/hr=13/';
const object = { bucketName, objectKey: prefix + MESSAGE_ID };
const encoded = encodeURIComponent(object.objectKey).replaceAll('%2F', '/');
const ids = ['a', 'b', 'c'].map((letter) => letter.repeat(40));

test.each<[string, unknown, string]>([
  ['an array of EventBridge Pipes', sqsEvent([wrappedBySns(message)]).Records, 'sqs'],
  ['an array of Pipes whose input transformer took the body', [message], 'sns'],
  ['a record of Firehose', firehoseEvent([wrappedBySns(message)]).records[0], 'firehose'],
  ['an event of Firehose, raw', firehoseEvent([message]), 'firehose'],
  ['the record of a failed invocation by SNS', invocationRecord(snsEvent(message)), 'sns'],
  ['such a record on a bus', invocationEvent(snsEvent(message)), 'sns'],
  [
    'such a record in a queue',
    sqsEvent([JSON.stringify(invocationRecord(snsEvent(message)))]).Records[0],
    'sqs',
  ],
  [
    'such a record on a bus, in a queue',
    sqsEvent([JSON.stringify(invocationEvent(snsEvent(message)))]).Records[0],
    'sqs',
  ],
  [
    'what the dead-letter queue of a function has: the event itself',
    sqsEvent([JSON.stringify(snsEvent(message))]).Records[0],
    'sqs',
  ],
  [
    'a notification that somebody put on a bus',
    { 'detail-type': 'mail', source: 'our.bridge', detail: notification },
    'sns',
  ],
])('reads %s', (_, event, source) => {
  expect(parseNotification(event)).toEqual({
    ok: true,
    value: { source, messageId: MESSAGE_ID, object, notification },
  });
});

test.each<[string, unknown]>([
  ['an S3 event of EventBridge', eventBridgeEvent(bucketName, object.objectKey)],
  [
    'an S3 event of EventBridge in a queue',
    sqsEvent([JSON.stringify(eventBridgeEvent(bucketName, object.objectKey))]).Records[0],
  ],
  [
    'an S3 event of EventBridge by SNS',
    snsEvent(JSON.stringify(eventBridgeEvent(bucketName, object.objectKey))),
  ],
  ['the record of a failed invocation by S3', invocationRecord(s3Event(bucketName, encoded))],
])('reads %s, which knows only the object', (_, event) => {
  expect(parseNotification(event)).toEqual({
    ok: true,
    value: { source: 's3', messageId: MESSAGE_ID, object },
  });
});

test('the deepest chain: S3 by SNS to a function that failed, on a bus, in a queue', () => {
  const failed = invocationEvent(snsEvent(JSON.stringify(s3Event(bucketName, encoded))));
  expect(parseNotification(sqsEvent([JSON.stringify(failed)]))).toMatchObject({
    ok: true,
    value: { source: 's3', object },
  });
});

test('a key is decoded where S3 encodes it, and taken as it is from EventBridge', () => {
  const objectKey = `a+b %41/${MESSAGE_ID}`;
  const own = s3Event(bucketName, `a%2Bb+%2541/${MESSAGE_ID}`);
  for (const event of [own, eventBridgeEvent(bucketName, objectKey)]) {
    expect(parseNotification(event)).toMatchObject({ value: { object: { objectKey } } });
  }
});

test.each<[string, unknown]>([
  [
    'one S3 message in a queue',
    sqsEvent([
      JSON.stringify({ Records: ids.flatMap((id) => s3Event(bucketName, `in/${id}`).Records) }),
    ]).Records[0],
  ],
  [
    'an event of SQS',
    sqsEvent(ids.map((messageId) => JSON.stringify(notificationOf({ messageId })))),
  ],
  [
    'an array of Pipes',
    sqsEvent(ids.map((messageId) => JSON.stringify(notificationOf({ messageId })))).Records,
  ],
  [
    'an event of Firehose',
    firehoseEvent(ids.map((messageId) => JSON.stringify(notificationOf({ messageId })))),
  ],
])('parseNotifications reads all mails of %s', (_, event) => {
  const found = parseNotifications(event).map((parsed) => parsed.ok && parsed.value.messageId);
  expect(found).toEqual(ids);
});

test('a record that is no mail does not hide those beside it', () => {
  const event = sqsEvent([message, 'garbage', message]);
  expect(parseNotifications(event).map(({ ok }) => ok)).toEqual([true, false, true]);
  expect(parseNotification(event)).toMatchObject({
    ok: false,
    error: { message: 'expected one record, got 3; read them with parseNotifications' },
  });
});

const confirmation = (Type: string) => ({
  Type,
  MessageId: '165545c9-2a5c-472c-8df2-7ff2be2b3b1b',
  Token: '2336412f37',
  TopicArn: 'arn:aws:sns:us-east-1:123456789012:mail',
  Message: 'You have chosen to subscribe to the topic.',
  SubscribeURL: 'https://sns.example/?Action=ConfirmSubscription',
  Timestamp: '2026-11-23T13:14:16.000Z',
  SignatureVersion: '1',
});

test.each<[string, unknown]>([
  ['a subscription confirmation of SNS', confirmation('SubscriptionConfirmation')],
  ['an unsubscribe confirmation of SNS', confirmation('UnsubscribeConfirmation')],
  ['a test event of S3', { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'b' }],
  [
    'the set-up notification of SES',
    { ...notification, mail: { ...notification.mail, messageId: 'AMAZON_SES_SETUP_NOTIFICATION' } },
  ],
  ['the set-up object of SES', s3Event('b', 'in/AMAZON_SES_SETUP_NOTIFICATION')],
  ['the set-up object of SES on a bus', eventBridgeEvent('b', 'in/AMAZON_SES_SETUP_NOTIFICATION')],
  [
    'the validation message of SES',
    'Successfully validated SNS topic for Amazon SES event publishing.',
  ],
  ['a deleted object on a bus', eventBridgeEvent('b', MESSAGE_ID, 'Object Deleted')],
  ['a restored object on a bus', eventBridgeEvent('b', MESSAGE_ID, 'Object Restore Completed')],
  [
    'an object that a lifecycle rule expired',
    s3Event('b', MESSAGE_ID, 's3:LifecycleExpiration:Delete'),
  ],
  [
    'a schedule of EventBridge',
    { 'detail-type': 'Scheduled Event', source: 'aws.events', detail: {}, resources: [] },
  ],
  ['a bounce of SES', { notificationType: 'Bounce', bounce: {}, mail: {} }],
])('%s is healthy and no mail, wherever it arrives', (_, event) => {
  const text = typeof event === 'string' ? event : JSON.stringify(event);
  for (const carrier of [
    event,
    sqsEvent([text]),
    sqsEvent([wrappedBySns(text)]),
    sqsEvent([text]).Records,
    firehoseEvent([text]),
    invocationRecord(event),
  ]) {
    const parsed = parseNotification(carrier);
    expect(parsed.ok ? undefined : parsed.error.reason).toBe('not-mail');
  }
});
