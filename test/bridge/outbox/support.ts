// Markers put into the outbox by hand, and what a flush left of them.
import { DeleteObjectsCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { createSdkPuts } from '../../../src/bridge/aws/object-puts.ts';
import { markerKey } from '../../../src/bridge/contract/object-key.ts';
import { type BridgeEvent, createBridgeClients } from '../../../src/bridge/index.ts';
import { OutboxFlush, type OutboxOptions } from '../../../src/bridge/outbox/flush.ts';
import type { OutboxMarker } from '../../../src/bridge/outbox/marker.ts';
import { ObjectStore } from '../../../src/bridge/store/object-store.ts';
import { type FaultProxy, startFaultProxy } from '../../faults/fault-proxy.ts';
import { listKeys, takeNotifications } from '../support.ts';
import { startTestAws, type TestAws } from '../../support/aws.ts';

/** Settles when they are in S3; gives their messageIds. */
export async function writeMarkers(
  aws: TestAws,
  markers: readonly OutboxMarker[],
): Promise<string[]> {
  let next = 0;
  const write = async (): Promise<void> => {
    for (let marker = markers[next++]; marker !== undefined; marker = markers[next++]) {
      await putText(aws, markerKey(marker.messageId), JSON.stringify(marker));
    }
  };
  await Promise.all(Array.from({ length: 8 }, write));
  return markers.map(({ messageId }) => messageId);
}

export async function putText(
  { s3, resources }: TestAws,
  key: string,
  body: string | Buffer,
  rest: { readonly Metadata?: Record<string, string>; readonly ContentEncoding?: string } = {},
): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: resources.bucket, Key: key, Body: body, ...rest }));
}

export async function textOf({ s3, resources }: TestAws, key: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: resources.bucket, Key: key }));
  return (await Body?.transformToString()) ?? '';
}

/** Everything under the prefix of the outbox. */
export function outboxKeys(aws: TestAws): Promise<string[]> {
  return listKeys(aws, 'outbox/');
}

/** How often each mail was announced since the last call. */
export async function announcements(aws: TestAws): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { Message } of await takeNotifications(aws)) {
    const { mail } = JSON.parse(Message) as { mail: { messageId: string } };
    counts.set(mail.messageId, (counts.get(mail.messageId) ?? 0) + 1);
  }
  return counts;
}

export interface OutboxBench extends AsyncDisposable {
  readonly aws: TestAws;
  readonly proxy: FaultProxy;
  /** Of all flushes since `clear`. */
  readonly events: BridgeEvent[];
  /** A task through the proxy, with what it remembers from pass to pass. */
  makeFlush(options?: Partial<OutboxOptions>): OutboxFlush;
  /** No faults, no notifications, no outbox. */
  clear(): Promise<void>;
}

export async function startOutboxBench(): Promise<OutboxBench> {
  const aws = await startTestAws();
  const proxy = await startFaultProxy(aws.endpoint);
  const { s3, sns, ...clients } = createBridgeClients({
    region: aws.region,
    endpoint: proxy.endpoint,
    credentials: aws.credentials,
    commitSeconds: 4,
  });
  const { bucket } = aws.resources;
  const events: BridgeEvent[] = [];
  const observe = (event: BridgeEvent): void => {
    events.push(event);
  };
  return {
    aws,
    proxy,
    events,
    makeFlush: (options = {}) =>
      new OutboxFlush({
        ...{ s3, sns, bucket, observe },
        store: new ObjectStore(s3, createSdkPuts(s3), bucket, observe),
        ...options,
      }),
    clear: async () => {
      proxy.reset();
      const Objects = (await outboxKeys(aws)).map((Key) => ({ Key }));
      if (Objects.length > 0) {
        await aws.s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
      }
      await takeNotifications(aws);
      events.length = 0;
    },
    [Symbol.asyncDispose]: async () => {
      clients[Symbol.dispose]();
      await proxy[Symbol.asyncDispose]();
      await aws.close();
    },
  };
}
