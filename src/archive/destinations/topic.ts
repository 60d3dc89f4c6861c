import type { SNSClient } from '@aws-sdk/client-sns';
import { classifyAwsError } from '../../bridge/aws/failures.ts';
import { Publisher } from '../../bridge/notify/publisher.ts';
import type { Notification, ReceivedNotification } from '../../bridge/index.ts';
import { type Destination, MailRefusedError } from './destination.ts';

/** How long one mail may wait for SNS, all tries of the SDK together. */
const PUBLISH_MILLIS = 60_000;

export interface TopicOptions {
  /** Mail that was announced on a topic of quarantine goes there again, not to `topicArn`. Default false. */
  readonly keepsQuarantine?: boolean;
}

/** Publishes as the server does, attributes and all. */
export function topicDestination(
  sns: SNSClient,
  topicArn: string,
  { keepsQuarantine = false }: TopicOptions = {},
): Destination {
  const publisher = new Publisher({ sns, observe: () => undefined });
  return {
    name: `topic ${topicArn}`,
    deliver: async ({ notification }) => {
      try {
        const isKept = keepsQuarantine && isInQuarantine(notification);
        await publisher.publish(
          isKept ? notification : { ...notification, topicArn },
          PUBLISH_MILLIS,
        );
      } catch (error) {
        const { cause, code, message } = classifyAwsError('sns', error);
        if (cause === 'refused')
          throw new MailRefusedError(`${code}: ${message}`, { cause: error });
        throw error;
      }
    },
  };
}

function isInQuarantine({ message }: Notification): boolean {
  return (JSON.parse(message) as ReceivedNotification).mailsluice.quarantine !== undefined;
}
