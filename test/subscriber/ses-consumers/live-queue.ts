// What subscribers of the running server get: the bodies in its queue, as SNS put them there.
import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { SNSEvent } from 'aws-lambda';
import type { LocalProcess } from '../../support/local.ts';
import { snsEvent } from '../support.ts';

/** The envelope that SNS puts around a notification in SQS. */
export interface SnsBody {
  readonly Type: string;
  readonly Subject: string;
  readonly Message: string;
  readonly TopicArn: string;
  readonly MessageAttributes: Record<string, { readonly Type: string; readonly Value: string }>;
}

const WAIT_MILLIS = 20_000;

/** Waits for the body that names this recipient; others are thrown away. */
export async function bodyFor(local: LocalProcess, recipient: string): Promise<string> {
  const { queueUrl: QueueUrl } = local.ready;
  const deadline = Date.now() + WAIT_MILLIS;
  while (Date.now() < deadline) {
    const { Messages = [] } = await local.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }),
    );
    for (const { Body = '', ReceiptHandle } of Messages) {
      await local.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      const { Message } = JSON.parse(Body) as SnsBody;
      const { receipt } = JSON.parse(Message) as { receipt: { recipients: string[] } };
      if (receipt.recipients.includes(recipient)) return Body;
    }
  }
  throw new Error(`no notification for ${recipient} within ${WAIT_MILLIS} ms`);
}

/** The same as the event of a Lambda function that is subscribed to the topic. */
export function lambdaEvent(body: string): SNSEvent {
  const { Message, Subject, TopicArn, MessageAttributes } = JSON.parse(body) as SnsBody;
  const event = snsEvent(Message);
  for (const { Sns } of event.Records) Object.assign(Sns, { Subject, TopicArn, MessageAttributes });
  return event;
}
