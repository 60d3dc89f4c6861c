import type { SNSClient } from '@aws-sdk/client-sns';
import { classifyAwsError } from '../../bridge/aws/failures.ts';
import { Publisher } from '../../bridge/notify/publisher.ts';
import { type Destination, MailRefusedError } from './destination.ts';

/** How long one mail may wait for SNS, all tries of the SDK together. */
const PUBLISH_MILLIS = 60_000;

/** Publishes as the server does, attributes and all. */
export function topicDestination(sns: SNSClient, topicArn: string): Destination {
  const publisher = new Publisher({ sns, observe: () => undefined });
  return {
    name: `topic ${topicArn}`,
    deliver: async ({ notification }) => {
      try {
        await publisher.publish({ ...notification, topicArn }, PUBLISH_MILLIS);
      } catch (error) {
        const { cause, code, message } = classifyAwsError('sns', error);
        if (cause === 'refused')
          throw new MailRefusedError(`${code}: ${message}`, { cause: error });
        throw error;
      }
    },
  };
}
