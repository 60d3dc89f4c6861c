import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  NotificationError,
  parseNotification,
  requireNotification,
} from '../../src/subscriber/index.ts';
import {
  MESSAGE_ID,
  notificationOf,
  s3Event,
  snsEvent,
  sqsEvent,
  wrappedBySns,
} from './support.ts';

const notification = notificationOf();
const message = JSON.stringify(notification);
const object = {
  bucketName: 'mailsluice-mail',
  objectKey: `mail/dt=2026-11-23/hr=13/${MESSAGE_ID}`,
};
const sesMessage = { mail: notification.mail, receipt: notification.receipt };
const s3Key = `mail/dt%3D2026-11-23/hr%3D13/${MESSAGE_ID}`;

test.each([
  ['an event of SNS', snsEvent(message), 'sns'],
  ['a record of SNS', snsEvent(message).Records[0], 'sns'],
  ['the body that SNS posts', wrappedBySns(message), 'sns'],
  ['an event of SQS, wrapped by SNS', sqsEvent([wrappedBySns(message)]), 'sqs'],
  ['a record of SQS, raw', sqsEvent([message]).Records[0], 'sqs'],
  ['the notification', notification, 'sns'],
  ['the text of the notification', message, 'sns'],
])('reads %s', (_, record, source) => {
  expect(parseNotification(record)).toEqual({
    ok: true,
    value: { source, messageId: MESSAGE_ID, object, notification },
  });
});

test.each([
  ['an event of S3', s3Event(object.bucketName, s3Key)],
  [
    'an event of S3 through SQS',
    sqsEvent([JSON.stringify(s3Event(object.bucketName, s3Key))]).Records[0],
  ],
  [
    'an event of S3 through SNS and SQS',
    sqsEvent([wrappedBySns(JSON.stringify(s3Event(object.bucketName, s3Key)))]),
  ],
])('reads %s, whose key is URL-encoded', (_, record) => {
  expect(requireNotification(record)).toEqual({ source: 's3', messageId: MESSAGE_ID, object });
});

test('reads the Lambda action of SES, which names no object', () => {
  const { action: _, ...receipt } = notification.receipt;
  const action = {
    type: 'Lambda',
    functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
    invocationType: 'Event',
  };
  const ses = { mail: notification.mail, receipt: { ...receipt, action } };
  const event = { Records: [{ eventSource: 'aws:ses', eventVersion: '1.0', ses }] };
  const read = requireNotification(event);
  expect(read).toMatchObject({ source: 'ses', messageId: MESSAGE_ID });
  expect(read.object).toBeUndefined();
  expect(read.notification).toEqual({ notificationType: 'Received', ...ses });
});

test('reads what Amazon SES itself sends, without our member and with others', () => {
  const fromSes = {
    notificationType: 'Received',
    mail: notification.mail,
    receipt: {
      ...notification.receipt,
      virusVerdict: { status: 'DISABLED' },
      action: { ...notification.receipt.action, type: 'S3', encoding: 'x' },
      newMember: 1,
    },
  };
  expect(requireNotification(snsEvent(JSON.stringify(fromSes))).notification).toEqual(fromSes);
});

test('reads the SNS action of SES with its content', () => {
  const action = {
    type: 'SNS',
    topicArn: 'arn:aws:sns:us-east-1:000000000000:t',
    encoding: 'UTF8',
  };
  const receipt = { ...notification.receipt, action };
  const read = requireNotification({ ...notification, content: 'Subject: x\r\n\r\n', receipt });
  expect(read.object).toBeUndefined();
  expect(read.notification?.content).toBe('Subject: x\r\n\r\n');
});

test.each([
  ['a test event of S3', { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'b' }],
  [
    'the set-up notification of SES',
    { ...notification, mail: { ...notification.mail, messageId: 'AMAZON_SES_SETUP_NOTIFICATION' } },
  ],
  ['a bounce notification', { notificationType: 'Bounce', bounce: {} }],
  ['an event of event publishing', { eventType: 'Delivery', delivery: {} }],
  ['a removed object', s3Event('b', MESSAGE_ID, 'ObjectRemoved:Delete')],
  ['an envelope sidecar', s3Event('b', `${s3Key}.envelope.json`)],
  ['the set-up object of SES', s3Event('b', 'mail/AMAZON_SES_SETUP_NOTIFICATION')],
])('%s is not-mail', (_, record) => {
  expect(reasonOf(record)).toBe('not-mail');
});

test.each([
  ['a text that is no JSON', 'hello', 'not-json'],
  ['an SQS record with another body', sqsEvent(['{"a":']), 'not-json'],
  ['nothing', undefined, 'unknown-shape'],
  ['null', null, 'unknown-shape'],
  ['an empty list', [], 'unknown-shape'],
  ['a list of two', [notification, notification], 'unknown-shape'],
  ['an object of another kind', { hello: 'world' }, 'unknown-shape'],
  ['two records at once', sqsEvent([message, message]), 'unknown-shape'],
  ['a text in a text in a text …', nested(10), 'unknown-shape'],
  ['a record of SNS without a message', { Sns: {} }, 'invalid'],
  ['a notification without a receipt', { ...notification, receipt: undefined }, 'invalid'],
  [
    'an S3 action without a key',
    {
      ...notification,
      receipt: { ...notification.receipt, action: { type: 'S3', bucketName: 'b' } },
    },
    'invalid',
  ],
  ['an S3 record without a key', { s3: { bucket: { name: 'b' } } }, 'invalid'],
  ['a key with a broken escape', s3Event('b', '%E0%A4%A'), 'invalid'],
])('%s is an error with a reason', (_, record, reason) => {
  expect(reasonOf(record)).toBe(reason);
});

test('an invalid notification tells the fields that are wrong, and not their values', () => {
  const record = {
    ...notification,
    mail: { ...notification.mail, source: { secret: 'hunter2' }, destination: 'b@example.com' },
  };
  const parsed = parseNotification(record);
  expect(parsed.ok).toBe(false);
  const text = parsed.ok ? '' : parsed.error.message;
  expect(text).toMatch(/^mail\.source: .*; mail\.destination: /);
  expect(text).not.toMatch(/hunter2|b@example/);
});

test('requireNotification throws what parseNotification gives', () => {
  expect(() => requireNotification('hello')).toThrow(NotificationError);
});

test('gives a value or a typed error for any JSON', () => {
  fc.assert(
    fc.property(anyRecord(), (record) => {
      const parsed = parseNotification(record);
      if (parsed.ok) {
        expect(parsed.value.messageId).not.toBe('');
        expect(parsed.value.object ?? parsed.value.notification).toBeDefined();
      } else {
        expect(parsed.error).toBeInstanceOf(NotificationError);
      }
    }),
    { numRuns: Number(process.env['FUZZ_RUNS'] ?? 2000) },
  );
});

test('gives a value or a typed error for a notification with any one part replaced', () => {
  const paths = everyPath(notification);
  fc.assert(
    fc.property(
      fc.constantFrom(...paths),
      fc.jsonValue(),
      fc.constantFrom('plain', 'sns', 'sqs', 'wrapped'),
      (path, value, shape) => {
        const text = JSON.stringify(replaced(notification, path, value));
        const record =
          shape === 'plain'
            ? text
            : shape === 'sns'
              ? snsEvent(text)
              : sqsEvent([shape === 'sqs' ? text : wrappedBySns(text)]);
        const parsed = parseNotification(record);
        if (!parsed.ok) expect(parsed.error).toBeInstanceOf(NotificationError);
      },
    ),
    { numRuns: Number(process.env['FUZZ_RUNS'] ?? 2000) },
  );
});

/** Any JSON, and any JSON in the places where the shapes have their parts. */
function anyRecord(): fc.Arbitrary<unknown> {
  const json = fc.jsonValue();
  const inner = fc.oneof(json, fc.json(), fc.constant(sesMessage));
  const part = fc.record(
    {
      Records: fc.array(inner, { maxLength: 2 }),
      Sns: fc.oneof(inner, fc.record({ Message: inner })),
      body: inner,
      Type: fc.constantFrom('Notification', 'SubscriptionConfirmation'),
      Message: inner,
      ses: inner,
      s3: fc.oneof(
        inner,
        fc.record({ bucket: fc.record({ name: inner }), object: fc.record({ key: inner }) }),
      ),
      notificationType: fc.oneof(fc.constant('Received'), inner),
      mail: inner,
      receipt: inner,
      eventSource: fc.constantFrom('aws:sqs', 'aws:s3', 'aws:ses'),
    },
    { requiredKeys: [] },
  );
  return fc.oneof(
    inner,
    part,
    part.map((value) => JSON.stringify(value)),
    fc.array(part, { maxLength: 2 }).map((Records) => ({ Records })),
  );
}

function reasonOf(record: unknown): string | undefined {
  const parsed = parseNotification(record);
  return parsed.ok ? undefined : parsed.error.reason;
}

function nested(levels: number): string {
  let text = message;
  for (let level = 0; level < levels; level += 1) text = JSON.stringify({ body: text });
  return text;
}

type Path = readonly (string | number)[];

function everyPath(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, inner]) => everyPath(inner, [...at, key]))];
}

function replaced(value: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  const copy: Record<string | number, unknown> = structuredClone(Object(value));
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}
