// The SNS call that carries notifications, as an interface with two implementations that behave the same: the SDK's
// commands in this file, which are the reference, and the fast path of `signed-publishes.ts`.
import { PublishBatchCommand, PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { Notification } from '../notify/notification.ts';

/** An entry that SNS did not accept, by its place in the batch. */
export interface FailedEntry {
  readonly place: number;
  readonly code: string;
  readonly message: string;
  /** `true`: the fault of the entry. `false`: the fault of SNS, and a retry may help. */
  readonly senderFault: boolean;
}

export interface PublishResult {
  readonly failed: readonly FailedEntry[];
  readonly attempts: number;
}

/** Retries by the client's own strategy and rejects with the SDK's error. */
export interface Publishes {
  /** One to ten notifications of one topic. A single one that fails is a rejection. */
  publish(notifications: readonly Notification[], signal: AbortSignal): Promise<PublishResult>;
  /** Closes the connections that are not the client's own. */
  close(): void;
}

/** `requestTimeout`: milliseconds for one try, instead of the client's own. */
export function createSdkPublishes(
  sns: SNSClient,
  timeouts: { readonly requestTimeout?: number } = {},
): Publishes {
  return {
    publish: async (notifications, abortSignal) => {
      const [first] = notifications;
      if (first === undefined) return { failed: [], attempts: 1 };
      const { topicArn: TopicArn } = first;
      if (notifications.length === 1) {
        const { subject, message, attributes } = first;
        const { $metadata } = await sns.send(
          new PublishCommand({
            TopicArn,
            Subject: subject,
            Message: message,
            MessageAttributes: { ...attributes },
          }),
          { ...timeouts, abortSignal },
        );
        return { failed: [], attempts: $metadata.attempts ?? 1 };
      }
      const {
        Successful = [],
        Failed = [],
        $metadata,
      } = await sns.send(
        new PublishBatchCommand({
          TopicArn,
          PublishBatchRequestEntries: notifications.map(
            ({ subject, message, attributes }, place) => ({
              Id: String(place),
              Subject: subject,
              Message: message,
              MessageAttributes: { ...attributes },
            }),
          ),
        }),
        { ...timeouts, abortSignal },
      );
      const failed = Failed.map(({ Id, Code = 'Unknown', Message = '', SenderFault = false }) => ({
        place: Number(Id),
        code: Code,
        message: Message,
        senderFault: SenderFault,
      }));
      const mentioned = new Set([...Successful, ...Failed].map(({ Id }) => Number(Id)));
      return {
        failed: [...failed, ...missing(notifications.length, mentioned)],
        attempts: $metadata.attempts ?? 1,
      };
    },
    close: () => undefined,
  };
}

/** The entries that the answer does not mention: SNS did not say that it accepted them. */
export function missing(count: number, mentioned: ReadonlySet<number>): FailedEntry[] {
  return Array.from({ length: count }, (_, place) => place)
    .filter((place) => !mentioned.has(place))
    .map((place) => ({ place, code: 'NoResult', message: 'no result', senderFault: false }));
}
