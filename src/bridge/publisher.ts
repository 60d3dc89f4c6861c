import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { Observe } from './events.ts';
import type { Notification } from './notification.ts';

/** Puts notifications on their topics. */
export interface Publisher {
  /** Settles when SNS has accepted it; rejects with the SDK's error. */
  publish(notification: Notification, signal: AbortSignal): Promise<void>;
}

export function createPublisher(sns: SNSClient, observe: Observe): Publisher {
  return {
    publish: async ({ topicArn, subject, message, attributes }, abortSignal) => {
      const started = performance.now();
      await sns.send(
        new PublishCommand({
          TopicArn: topicArn,
          Subject: subject,
          Message: message,
          MessageAttributes: { ...attributes },
        }),
        { abortSignal },
      );
      const millis = performance.now() - started;
      observe({ kind: 'aws-call', service: 'sns', operation: 'Publish', millis, entries: 1 });
    },
  };
}
