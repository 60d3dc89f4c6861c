// The SNS call that carries notifications, as an interface with two implementations that behave the same: the SDK's
// commands in this file, which are the reference, and the fast path of `signed-publishes.ts`.
import { randomBytes } from 'node:crypto';
import {
  PublishBatchCommand,
  type PublishBatchCommandOutput,
  PublishCommand,
  type SNSClient,
} from '@aws-sdk/client-sns';
import type { Notification } from '../notify/notification.ts';
import { proven } from './proof.ts';

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
        const command = proven(
          new PublishCommand({
            TopicArn,
            Subject: subject,
            Message: message,
            MessageAttributes: { ...attributes },
          }),
          ({ MessageId = '' }) => MessageId !== '',
        );
        const { $metadata } = await sns.send(command, { ...timeouts, abortSignal });
        return { failed: [], attempts: $metadata.attempts ?? 1 };
      }
      const ids = entryIds(notifications.length);
      const command = proven(
        new PublishBatchCommand({
          TopicArn,
          PublishBatchRequestEntries: notifications.map(
            ({ subject, message, attributes }, place) => ({
              Id: ids[place],
              Subject: subject,
              Message: message,
              MessageAttributes: { ...attributes },
            }),
          ),
        }),
        (output) => failedEntries(ids, resultsOf(output)) !== undefined,
      );
      const output = await sns.send(command, { ...timeouts, abortSignal });
      return {
        failed: failedEntries(ids, resultsOf(output)) ?? [],
        attempts: output.$metadata.attempts ?? 1,
      };
    },
    close: () => undefined,
  };
}

let batches = 0;
/** Of this process. */
const own = randomBytes(6).toString('hex');

/** The ids of a batch's entries, which no other batch has: an answer to another one names none of them. */
export function entryIds(count: number): string[] {
  batches += 1;
  const batch = `${own}-${batches.toString(36)}`;
  return Array.from({ length: count }, (_, place) => `${batch}-${place}`);
}

/** What an answer says of one entry. */
export type EntryResult =
  | { readonly id: string; readonly messageId: string }
  | ({ readonly id: string } & Omit<FailedEntry, 'place'>);

function resultsOf({ Successful = [], Failed = [] }: PublishBatchCommandOutput): EntryResult[] {
  return [
    ...Successful.map(({ Id = '', MessageId = '' }) => ({ id: Id, messageId: MessageId })),
    ...Failed.map(({ Id = '', Code = 'Unknown', Message = '', SenderFault = false }) => ({
      id: Id,
      code: Code,
      message: Message,
      senderFault: SenderFault,
    })),
  ];
}

/**
 * The entries that SNS did not accept: those that it says failed, and those that it does not give a messageId.
 * `undefined` where the answer speaks of no entry of this batch.
 */
export function failedEntries(
  ids: readonly string[],
  results: readonly EntryResult[],
): FailedEntry[] | undefined {
  const accepted = new Set<number>();
  const failed = new Map<number, FailedEntry>();
  for (const result of results) {
    const place = ids.indexOf(result.id);
    if (place === -1) continue;
    if ('code' in result) {
      const { code, message, senderFault } = result;
      failed.set(place, { place, code, message, senderFault });
    } else if (result.messageId !== '') accepted.add(place);
  }
  if (accepted.size === 0 && failed.size === 0) return undefined;
  return ids.flatMap((_, place) => {
    const failure = failed.get(place);
    if (failure !== undefined) return [failure];
    if (accepted.has(place)) return [];
    return [{ place, code: 'NoResult', message: 'no result', senderFault: false }];
  });
}
