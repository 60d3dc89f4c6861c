// The outbox for a command line: list it, flush it now.
import type { S3Client } from '@aws-sdk/client-s3';
import type { SNSClient } from '@aws-sdk/client-sns';
import { createSdkPuts } from '../aws/object-puts.ts';
import type { Observe } from '../events.ts';
import { Publisher } from '../notify/publisher.ts';
import { ObjectStore } from '../store/object-store.ts';
import { type FlushResult, OutboxFlush } from './flush.ts';
import { listMarkers, type OutboxEntry } from './marker.ts';

export interface OutboxCommandOptions {
  readonly s3: S3Client;
  readonly bucket: string;
}

/** All markers, oldest first, dead letters after the others. Rejects with the SDK's error. */
export function listOutbox(options: OutboxCommandOptions): AsyncIterable<OutboxEntry> {
  return listMarkers(options, true);
}

export interface FlushOptions extends OutboxCommandOptions {
  readonly sns: SNSClient;
  /** Takes an event for each marker that was published or became a dead letter. */
  readonly observe?: Observe;
  /** Publish to this topic, whatever the markers say: for notifications of a topic that is gone. */
  readonly topicArn?: string;
  /** Default 50. */
  readonly perSecond?: number;
  readonly signal?: AbortSignal;
}

/** One pass over all markers. `failure` says why it stopped before the end, if it did. */
export function flushOutbox(options: FlushOptions): Promise<FlushResult> {
  const { s3, sns, bucket, observe = () => undefined, topicArn, perSecond, signal } = options;
  const publisher = new Publisher({ sns, observe });
  const flush = new OutboxFlush({
    s3,
    bucket,
    observe,
    store: new ObjectStore(s3, createSdkPuts(s3), bucket, observe),
    publisher:
      topicArn === undefined
        ? publisher
        : {
            publish: (notification, millis) =>
              publisher.publish({ ...notification, topicArn }, millis),
          },
    ...(perSecond !== undefined && { perSecond }),
  });
  return flush.run(signal);
}
