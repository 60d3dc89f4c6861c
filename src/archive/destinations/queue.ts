import type { SQSClient } from '@aws-sdk/client-sqs';
import { errorCode, errorFields, errorMessage } from '../../bridge/aws/error-codes.ts';
import { queueBody } from '../sns-envelope.ts';
import { type Destination, MailRefusedError } from './destination.ts';

export interface QueueOptions {
  /** As with raw message delivery: the notification without SNS's envelope around it. Default false. */
  readonly raw?: boolean;
}

/** The mail is too large, or has characters that SQS does not take. */
const REFUSALS = new Set(['InvalidMessageContents', 'InvalidParameterValue', 'MessageTooLong']);

/** Sends to one queue what SNS would have delivered to it. */
export function queueDestination(
  sqs: SQSClient,
  queueUrl: string,
  { raw = false }: QueueOptions = {},
): Destination {
  return {
    name: `queue ${queueUrl}${raw ? ' (raw)' : ''}`,
    deliver: async ({ notification, messageId, replayId }) => {
      const { SendMessageCommand } = await import('@aws-sdk/client-sqs');
      try {
        await sqs.send(
          new SendMessageCommand({
            QueueUrl: queueUrl,
            MessageBody: raw ? notification.message : queueBody(notification),
            ...(raw && { MessageAttributes: { ...notification.attributes } }),
            ...(queueUrl.endsWith('.fifo') && {
              MessageGroupId: messageId,
              // A second replay within five minutes is another message. What a run delivers again is not.
              MessageDeduplicationId: `${messageId}@${replayId}`,
            }),
          }),
        );
      } catch (error) {
        const code = sqsCode(error);
        if (REFUSALS.has(code) || statusOf(error) === REQUEST_TOO_LARGE) {
          throw new MailRefusedError(`${code}: ${errorMessage(error)}`, { cause: error });
        }
        throw error;
      }
    },
  };
}

const REQUEST_TOO_LARGE = 413;

/**
 * The code without the prefix of the query protocol (`AWS.SimpleQueueService.`), which the SDK takes into the name of
 * the error where the service sends it.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-faqs.html
 */
function sqsCode(error: unknown): string {
  const code = errorCode(error);
  return code.slice(code.lastIndexOf('.') + 1);
}

function statusOf(error: unknown): number | undefined {
  return errorFields(error).$metadata?.httpStatusCode;
}
