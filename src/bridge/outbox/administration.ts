// The outbox for a command line: look at it, empty it now.
import type { S3Client } from '@aws-sdk/client-s3';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { Observe } from '../events.ts';
import { createSdkPuts } from '../aws/object-puts.ts';
import { createObjectStore } from '../store/object-store.ts';
import { type DrainResult, drainOutbox, listOutbox, type OutboxEntry } from './worker.ts';
import { createPublisher } from '../notify/publisher.ts';

export interface OutboxCommandOptions {
  readonly s3: S3Client;
  readonly bucket: string;
}

/** All markers, oldest first, those set aside behind the others. Rejects with the SDK's error. */
export function listOutboxOf({ s3, bucket }: OutboxCommandOptions): AsyncIterable<OutboxEntry> {
  return listOutbox({ s3, bucket });
}

export interface DrainCommandOptions extends OutboxCommandOptions {
  readonly sns: SNSClient;
  /** Hears of each marker that was published or set aside. */
  readonly observe?: Observe;
  /** Publish to this topic, whatever the markers say: for notifications of a topic that is gone. */
  readonly topicArn?: string;
  /** Default 50. */
  readonly perSecond?: number;
  readonly signal?: AbortSignal;
}

/** One pass over all markers. `failure` says why it stopped before the end, if it did. */
export function drainOutboxOf(options: DrainCommandOptions): Promise<DrainResult> {
  const { s3, sns, bucket, observe = () => undefined, topicArn, perSecond, signal } = options;
  const publisher = createPublisher({ sns, observe });
  return drainOutbox(
    {
      s3,
      bucket,
      observe,
      store: createObjectStore(s3, createSdkPuts(s3), bucket, observe),
      publisher:
        topicArn === undefined
          ? publisher
          : {
              publish: (notification, millis) =>
                publisher.publish({ ...notification, topicArn }, millis),
            },
      ...(perSecond !== undefined && { perSecond }),
    },
    signal,
  );
}
