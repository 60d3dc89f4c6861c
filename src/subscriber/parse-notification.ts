import { NotificationError } from './errors.ts';
import { notificationProblems, notificationSchema } from './notification-schema.ts';
import type { SesNotification } from './ses-notification.ts';

/** One mail, as an event announced it. */
export interface MailNotification {
  /** How it came: from SNS, from SQS, as an S3 event, or from the Lambda action of SES. */
  readonly source: 'sns' | 'sqs' | 's3' | 'ses';
  /** The id of the mail: the same in every delivery and every replay. */
  readonly messageId: string;
  /** Where the raw mail is. Absent where SES stored none. */
  readonly object?: MailObject;
  /** Absent only for an S3 event, which knows nothing but the object. */
  readonly notification?: SesNotification;
}

export interface MailObject {
  readonly bucketName: string;
  readonly objectKey: string;
}

export type ParsedNotification =
  | { readonly ok: true; readonly value: MailNotification }
  | { readonly ok: false; readonly error: NotificationError };

/**
 * Reads one mail from whatever announces it: a record of a Lambda event from SNS, SQS (raw or wrapped, also
 * of S3 events), S3 or the Lambda action of SES; the event itself when it has one record; the body of an
 * SNS or SQS message; or the notification. Never throws.
 */
export function parseNotification(record: unknown): ParsedNotification {
  try {
    return { ok: true, value: requireNotification(record) };
  } catch (error) {
    if (error instanceof NotificationError) return { ok: false, error };
    throw error;
  }
}

/** As `parseNotification`. @throws NotificationError */
export function requireNotification(record: unknown): MailNotification {
  return read(record, undefined, NESTING);
}

type Source = MailNotification['source'];

/** A message as ReceiveMessage returns it has neither the names of a Lambda record nor its source. */
const RECEIVED_MESSAGE =
  'expected a record of a Lambda event, got a message of SQS ReceiveMessage; pass { messageId: MessageId, body: Body, eventSource: "aws:sqs", eventSourceARN: the ARN of the queue }';

/** The deepest real one: event, SQS record, its body, SNS envelope, its message, S3 event, S3 record. */
const NESTING = 7;

function read(value: unknown, source: Source | undefined, nesting: number): MailNotification {
  if (nesting === 0) throw unknownShape();
  const inside = (inner: unknown, from: Source | undefined): MailNotification =>
    read(inner, from, nesting - 1);
  if (typeof value === 'string') return inside(parseJson(value), source);
  if (!isObject(value)) throw unknownShape();
  const { Records: records, Sns: sns, ses, s3 } = value;
  if (Array.isArray(records)) {
    if (records.length === 1) return inside(records[0], source);
    throw new NotificationError(
      'unknown-shape',
      `Records: expected one record, got ${records.length}; read each by itself`,
    );
  }
  if (isObject(sns)) return inside(textOf(sns, 'Message'), source ?? 'sns');
  if (typeof value['body'] === 'string') return inside(value['body'], source ?? 'sqs');
  if (typeof value['Body'] === 'string') {
    throw new NotificationError('unknown-shape', RECEIVED_MESSAGE);
  }
  // The body of an SQS message that SNS wrapped.
  if (value['Type'] === 'Notification') return inside(textOf(value, 'Message'), source ?? 'sns');
  if (isObject(ses)) return received({ notificationType: 'Received', ...ses }, source ?? 'ses');
  if (isObject(s3)) return stored(s3, value['eventName']);
  if (value['Event'] === 's3:TestEvent')
    throw new NotificationError('not-mail', 'a test event of S3');
  const { notificationType } = value;
  if (notificationType === 'Received') return received(value, source ?? 'sns');
  if (typeof notificationType === 'string' || typeof value['eventType'] === 'string') {
    throw new NotificationError(
      'not-mail',
      'notificationType: expected "Received", got another one of SES',
    );
  }
  throw unknownShape();
}

/** What SES writes and announces once, when a receipt rule is made. */
const SETUP_MESSAGE_ID = 'AMAZON_SES_SETUP_NOTIFICATION';

function received(value: unknown, source: Source): MailNotification {
  const parsed = notificationSchema.safeParse(value);
  if (!parsed.success) {
    const problems = notificationProblems(parsed.error.issues).slice(0, 5).join('; ');
    throw new NotificationError('invalid', problems);
  }
  const notification = parsed.data;
  const { messageId } = notification.mail;
  if (messageId === SETUP_MESSAGE_ID) {
    throw new NotificationError('not-mail', 'the set-up notification of SES');
  }
  const { action } = notification.receipt;
  return {
    source,
    messageId,
    ...(action.type === 'S3' && {
      object: { bucketName: action.bucketName, objectKey: action.objectKey },
    }),
    notification,
  };
}

/** A record of an S3 event. https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html */
function stored(s3: Record<string, unknown>, eventName: unknown): MailNotification {
  const { bucket, object } = s3;
  const bucketName = isObject(bucket) ? bucket['name'] : undefined;
  const encoded = isObject(object) ? object['key'] : undefined;
  if (typeof bucketName !== 'string' || typeof encoded !== 'string') {
    throw new NotificationError('invalid', 's3: expected bucket.name and object.key');
  }
  const objectKey = decodeKey(encoded);
  const messageId = objectKey.slice(objectKey.lastIndexOf('/') + 1);
  if (typeof eventName === 'string' && !/^(s3:)?ObjectCreated:/.test(eventName)) {
    throw new NotificationError('not-mail', 'eventName: expected ObjectCreated, got another one');
  }
  // Objects beside the mail have a suffix (envelope sidecars, markers, indexes) or SES's own name.
  if (!/^[0-9A-Za-z]{20,}$/.test(messageId)) {
    throw new NotificationError('not-mail', 'object.key: expected one that ends with a messageId');
  }
  return { source: 's3', messageId, object: { bucketName, objectKey } };
}

/** In an event the key is URL-encoded, with `+` for a blank. */
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

function textOf(object: Record<string, unknown>, name: string): string {
  const text = object[name];
  if (typeof text === 'string') return text;
  throw new NotificationError('invalid', `${name}: expected a text`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownShape(): NotificationError {
  return new NotificationError(
    'unknown-shape',
    'expected a record or message of SNS, SQS, S3 or SES that announces a mail',
  );
}
