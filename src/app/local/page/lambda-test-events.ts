// The notification as events with which a Lambda function can be tested in the console or by `sam local invoke`.
import { createHash, randomUUID } from 'node:crypto';
import { sqsEventOf } from '../handler/lambda-event.ts';

/** SNS's envelope, the body of an SQS message. */
type Envelope = Readonly<Record<string, unknown>>;

/** Of a function behind a queue. https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html */
export function sqsTestEvent(body: string, queueArn: string, receivedAt: string): object {
  const millis = String(Date.parse(receivedAt));
  const message = {
    MessageId: randomUUID(),
    ReceiptHandle: 'test',
    Body: body,
    Attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: millis,
      ApproximateFirstReceiveTimestamp: millis,
      SenderId: '000000000000',
    },
    MD5OfBody: createHash('md5').update(body).digest('hex'),
  };
  return sqsEventOf(message, queueArn);
}

/** Of a function that is subscribed to the topic. https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html */
export function snsTestEvent(body: string): object {
  const envelope = JSON.parse(body) as Envelope;
  const { SigningCertURL, UnsubscribeURL, ...rest } = envelope;
  return {
    Records: [
      {
        EventSource: 'aws:sns',
        EventVersion: '1.0',
        EventSubscriptionArn: `${String(envelope['TopicArn'])}:${randomUUID()}`,
        // Lambda spells these two differently.
        Sns: {
          ...rest,
          SigningCertUrl: SigningCertURL ?? '',
          UnsubscribeUrl: UnsubscribeURL ?? '',
        },
      },
    ],
  };
}
