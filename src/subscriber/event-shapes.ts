// The shapes in which AWS hands a mail on, one inside another: each is opened by itself, until a mail is found or a refusal. The
// formats: https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html
import { NotificationError } from './errors.ts';
import type { MailNotification } from './mail-notification.ts';
import { notificationProblems, notificationSchema } from './notification-schema.ts';

export type Source = MailNotification['source'];

export type Opened =
  | { readonly kind: 'mail'; readonly mail: MailNotification }
  | {
      readonly kind: 'inside';
      readonly parts: readonly unknown[];
      readonly source: Source | undefined;
    };

type Fields = Readonly<Record<string, unknown>>;

/** A message as ReceiveMessage returns it has neither the names of a Lambda record nor its source. */
const RECEIVED_MESSAGE =
  'expected a record of a Lambda event, got a message of SQS ReceiveMessage; pass { messageId: MessageId, body: Body, eventSource: "aws:sqs", eventSourceARN: the ARN of the queue }';

/** What SES publishes as a plain text when a topic becomes a destination of its events. */
const SES_TOPIC_VALIDATED = /^\s*Successfully validated SNS topic for Amazon SES/;

/** What SES writes and announces once, when a receipt rule is made. */
const SETUP_MESSAGE_ID = 'AMAZON_SES_SETUP_NOTIFICATION';

/**
 * Opens one shape.
 * @throws NotificationError where it is none, or holds no mail
 */
export function openShape(value: unknown, source: Source | undefined): Opened {
  if (typeof value === 'string') {
    if (SES_TOPIC_VALIDATED.test(value)) throw notMail('a validation message of SES');
    return inside([parseJson(value)], source);
  }
  // EventBridge Pipes hands on an array, also of one record.
  if (Array.isArray(value)) return insideAll(value, source);
  if (!isObject(value)) throw unknownShape();
  for (const open of SHAPES) {
    const opened = open(value, source);
    if (opened !== undefined) return opened;
  }
  throw unknownShape();
}

type Shape = (value: Fields, source: Source | undefined) => Opened | undefined;

/** In this order: an envelope before what could be in it. */
const SHAPES: readonly Shape[] = [
  records,
  snsRecord,
  sqsRecord,
  snsEnvelope,
  firehoseRecord,
  invocationRecord,
  eventBridge,
  sesRecord,
  s3Record,
  notification,
];

/** An event of SNS, SQS, S3 or SES for Lambda; with small letters one of Firehose. */
function records({ Records, records: ofFirehose }: Fields, source: Source | undefined) {
  if (Array.isArray(Records)) return insideAll(Records, source);
  return Array.isArray(ofFirehose) ? insideAll(ofFirehose, source) : undefined;
}

function snsRecord({ Sns }: Fields, source: Source | undefined) {
  return isObject(Sns) ? inside([textOf(Sns, 'Message')], source ?? 'sns') : undefined;
}

/** The body of one may be anything: SNS's envelope, a notification, an event of S3 or EventBridge. */
function sqsRecord({ body, Body }: Fields, source: Source | undefined) {
  if (typeof body === 'string') return inside([body], source ?? 'sqs');
  if (typeof Body === 'string') throw new NotificationError('unknown-shape', RECEIVED_MESSAGE);
  return undefined;
}

/** What SNS posts, and puts into a queue or a stream without raw delivery. */
function snsEnvelope(value: Fields, source: Source | undefined) {
  const { Type: type } = value;
  if (type === 'Notification') return inside([textOf(value, 'Message')], source ?? 'sns');
  if (type === 'SubscriptionConfirmation' || type === 'UnsubscribeConfirmation') {
    throw notMail(`a ${type} of SNS`);
  }
  return undefined;
}

/** https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html */
function firehoseRecord({ recordId, data }: Fields, source: Source | undefined) {
  if (typeof recordId !== 'string' || typeof data !== 'string') return undefined;
  return inside([Buffer.from(data, 'base64').toString()], source ?? 'firehose');
}

/** What Lambda sends to a destination: the event that the function was invoked with is part of it. */
function invocationRecord({ requestContext, requestPayload }: Fields, source: Source | undefined) {
  return isObject(requestContext) && requestPayload !== undefined
    ? inside([requestPayload], source)
    : undefined;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html */
function eventBridge(value: Fields, source: Source | undefined) {
  const { 'detail-type': detailType, source: sender, detail } = value;
  if (typeof detailType !== 'string' || !isObject(detail)) return undefined;
  if (sender === 'aws.s3') {
    if (detailType !== 'Object Created') {
      throw notMail('detail-type: expected "Object Created", got another one of S3');
    }
    // Unlike an event of S3 itself, this one has the key as it is.
    return stored(detail, (key) => key);
  }
  if (typeof sender === 'string' && sender.startsWith('aws.')) {
    throw notMail('an event of EventBridge that is no "Object Created" of S3');
  }
  return inside([detail], source);
}

function sesRecord({ ses }: Fields, source: Source | undefined) {
  return isObject(ses)
    ? received({ notificationType: 'Received', ...ses }, source ?? 'ses')
    : undefined;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html */
function s3Record({ s3, eventName, Event }: Fields) {
  if (Event === 's3:TestEvent') throw notMail('a test event of S3');
  if (!isObject(s3)) return undefined;
  if (typeof eventName === 'string' && !/^(s3:)?ObjectCreated:/.test(eventName)) {
    throw notMail('eventName: expected ObjectCreated, got another one');
  }
  return stored(s3, decodeKey);
}

function notification(value: Fields, source: Source | undefined) {
  const { notificationType, eventType } = value;
  if (notificationType === 'Received') return received(value, source ?? 'sns');
  if (typeof notificationType === 'string' || typeof eventType === 'string') {
    throw notMail('notificationType: expected "Received", got another one of SES');
  }
  return undefined;
}

function received(value: unknown, source: Source): Opened {
  const parsed = notificationSchema.safeParse(value);
  if (!parsed.success) {
    const problems = notificationProblems(parsed.error.issues).slice(0, 5).join('; ');
    throw new NotificationError('invalid', problems);
  }
  const { data } = parsed;
  const { messageId } = data.mail;
  if (messageId === SETUP_MESSAGE_ID) throw notMail('the set-up notification of SES');
  const { action } = data.receipt;
  const object =
    action.type === 'S3'
      ? { bucketName: action.bucketName, objectKey: action.objectKey }
      : undefined;
  return {
    kind: 'mail',
    mail: { source, messageId, ...(object && { object }), notification: data },
  };
}

function stored({ bucket, object }: Fields, decode: (key: string) => string): Opened {
  const bucketName = isObject(bucket) ? bucket['name'] : undefined;
  const key = isObject(object) ? object['key'] : undefined;
  if (typeof bucketName !== 'string' || typeof key !== 'string') {
    throw new NotificationError('invalid', 's3: expected bucket.name and object.key');
  }
  const objectKey = decode(key);
  const messageId = objectKey.slice(objectKey.lastIndexOf('/') + 1);
  // Objects beside the mail have a suffix (envelope sidecars, markers, indexes) or SES's own name.
  if (!/^[0-9A-Za-z]{20,}$/.test(messageId)) {
    throw notMail('object.key: expected one that ends with a messageId');
  }
  return { kind: 'mail', mail: { source: 's3', messageId, object: { bucketName, objectKey } } };
}

/** In an event of S3 itself the key is URL-encoded, with `+` for a blank. */
function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    throw new NotificationError('invalid', 's3.object.key: expected a URL-encoded key');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new NotificationError(
      'not-json',
      `expected JSON, got a text of ${text.length} characters`,
    );
  }
}

function textOf(object: Fields, name: string): string {
  const text = object[name];
  if (typeof text === 'string') return text;
  throw new NotificationError('invalid', `${name}: expected a text`);
}

function inside(parts: readonly unknown[], source: Source | undefined): Opened {
  return { kind: 'inside', parts, source };
}

function insideAll(parts: readonly unknown[], source: Source | undefined): Opened {
  if (parts.length > 0) return inside(parts, source);
  throw new NotificationError('unknown-shape', 'expected at least one record, got none');
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notMail(what: string): NotificationError {
  return new NotificationError('not-mail', what);
}

/** The refusal of what is none of the shapes. */
export function unknownShape(): NotificationError {
  return new NotificationError(
    'unknown-shape',
    'expected a record or message of SNS, SQS, S3, SES, EventBridge or Firehose that announces a mail',
  );
}
