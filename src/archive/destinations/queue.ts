import { createHash } from 'node:crypto';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { errorCode, errorFields, errorMessage } from '../../bridge/aws/error-codes.ts';
import { queueBody, sentNow } from '../sns-envelope.ts';
import type { ReceivedNotification } from '../../bridge/index.ts';
import { type Destination, MailRefusedError, type ReplayedMail } from './destination.ts';

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
  const isFifo = queueUrl.endsWith('.fifo');
  return {
    name: `queue ${queueUrl}${raw ? ' (raw)' : ''}`,
    ...(isFifo && { groupOf: recipientGroup }),
    deliver: async (mail) => {
      const { notification, messageId, replayId } = mail;
      const { SendMessageCommand } = await import('@aws-sdk/client-sqs');
      try {
        await sqs.send(
          new SendMessageCommand({
            QueueUrl: queueUrl,
            MessageBody: raw ? notification.message : queueBody(sentNow(notification)),
            ...(raw && { MessageAttributes: { ...notification.attributes } }),
            ...(isFifo && {
              MessageGroupId: recipientGroup(mail),
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

/**
 * The group of a mail in a FIFO queue: its first recipient, so that a consumer gets the mails of one mailbox in order. A
 * recipient that SQS does not take as a group is represented by its digest.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
function recipientGroup({ messageId, notification }: ReplayedMail): string {
  const { receipt } = JSON.parse(notification.message) as ReceivedNotification;
  const recipient = receipt.recipients[0]?.toLowerCase() ?? messageId;
  if (/^[!-~]{1,128}$/.test(recipient)) return recipient;
  return createHash('sha256').update(recipient).digest('hex');
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
