import type { SQSClient } from '@aws-sdk/client-sqs';
import { queueBody } from '../sns-envelope.ts';
import { type Destination, MailRefusedError } from './destination.ts';

export interface QueueOptions {
  /** As with raw message delivery: the notification without SNS's envelope around it. Default false. */
  readonly raw?: boolean;
}

/** The mail is too large, or holds what SQS does not take. */
const REFUSALS = new Set(['InvalidMessageContents', 'InvalidParameterValue', 'MessageTooLong']);

/** Sends to one queue what SNS would have delivered to it. */
export function queueDestination(
  sqs: SQSClient,
  queueUrl: string,
  { raw = false }: QueueOptions = {},
): Destination {
  return {
    name: `queue ${queueUrl}${raw ? ' (raw)' : ''}`,
    deliver: async ({ notification, messageId }) => {
      const { SendMessageCommand } = await import('@aws-sdk/client-sqs');
      try {
        await sqs.send(
          new SendMessageCommand({
            QueueUrl: queueUrl,
            MessageBody: raw ? notification.message : queueBody(notification),
            ...(raw && { MessageAttributes: { ...notification.attributes } }),
            ...(queueUrl.endsWith('.fifo') && {
              MessageGroupId: messageId,
              MessageDeduplicationId: messageId,
            }),
          }),
        );
      } catch (error) {
        if (error instanceof Error && REFUSALS.has(error.name)) {
          throw new MailRefusedError(`${error.name}: ${error.message}`, { cause: error });
        }
        throw error;
      }
    },
  };
}
