// What SNS puts around a notification, for destinations that are reached without SNS: a subscriber is to see
// no difference. Only the signature is missing; nobody but SNS can sign.
import { randomUUID } from 'node:crypto';

type Attributes = Record<string, { Type: string; Value: string }>;

/** What SNS gives a notification. */
export interface Delivery {
  readonly messageId: string;
  /** ISO 8601. */
  readonly sentAt: string;
}

/** A `Notification`, or one that was read from a request. */
interface Sendable {
  readonly topicArn: string;
  readonly subject: string;
  readonly message: string;
  readonly attributes: Readonly<Record<string, { DataType: string; StringValue: string }>>;
}

/** A notification that SNS took. */
export type SentNotification = Sendable & Delivery;

/** The body of an SQS message that SNS delivered without raw delivery. */
export function queueBody(notification: SentNotification): string {
  return JSON.stringify({
    Type: 'Notification',
    MessageId: notification.messageId,
    TopicArn: notification.topicArn,
    Subject: notification.subject,
    Message: notification.message,
    Timestamp: notification.sentAt,
    MessageAttributes: attributesOf(notification),
  });
}

/** As if SNS had taken it now. */
export function sentNow(notification: Sendable): SentNotification {
  return { ...notification, messageId: randomUUID(), sentAt: new Date().toISOString() };
}

/** The event of a Lambda function that is subscribed to the topic. */
export function lambdaEvent(notification: SentNotification): object {
  return {
    Records: [
      {
        EventVersion: '1.0',
        EventSubscriptionArn: notification.topicArn,
        EventSource: 'aws:sns',
        Sns: {
          Type: 'Notification',
          MessageId: notification.messageId,
          TopicArn: notification.topicArn,
          Subject: notification.subject,
          Message: notification.message,
          Timestamp: notification.sentAt,
          SignatureVersion: '1',
          Signature: '',
          SigningCertUrl: '',
          UnsubscribeUrl: '',
          MessageAttributes: attributesOf(notification),
        },
      },
    ],
  };
}

function attributesOf({ attributes }: Pick<Sendable, 'attributes'>): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType, StringValue }]) => [
      name,
      { Type: DataType, Value: StringValue },
    ]),
  );
}
