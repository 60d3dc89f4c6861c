// The one mail that a test has sent through a listener to S3 and SNS, and what is true of every mail: it is announced once,
// in a valid form, and the notification can be rebuilt from the bucket.
import { expect, onTestFinished } from 'vitest';
import {
  type BridgeOptions,
  createBridge,
  messageId,
  readRecord,
  rebuildNotification,
} from '../../src/bridge/index.ts';
import type { ReceivedNotification } from '../../src/bridge/contract/notification-types.ts';
import type { ListenerOptions } from '../../src/server/index.ts';
import { notificationSchema } from '../../src/subscriber/index.ts';
import type { TestAws } from '../support/aws.ts';
import { startServer } from '../support/smtp-server.ts';
import { type Delivered, readObject, takeNotifications } from './support.ts';

/** A server for this test, with one listener whose mail goes through a bridge to the embedded AWS. Gives its port. */
export async function startBridgeServer(
  aws: TestAws,
  hostname: string,
  listener: Partial<ListenerOptions> = {},
  options: Partial<BridgeOptions> = {},
): Promise<number> {
  const bridge = createBridge({
    s3: aws.s3,
    sns: aws.sns,
    bucket: aws.resources.bucket,
    topicArn: aws.resources.topicArn,
    hostname,
    ...options,
  });
  onTestFinished(() => bridge.close());
  const { port } = await startServer(
    {
      hostname,
      listeners: [{ name: 'mx', host: '127.0.0.1', port: 0, ...listener }],
      openMessage: bridge.open,
      nextMessageId: messageId,
    },
    () => {},
  );
  return port;
}

export interface AnnouncedMail {
  readonly delivered: Delivered;
  readonly notification: ReceivedNotification;
  readonly objectKey: string;
  /** The object with its trace header block. */
  readonly body: Buffer;
  readonly metadata: Readonly<Record<string, string>>;
}

export async function takeAnnouncedMail(aws: TestAws): Promise<AnnouncedMail> {
  const [delivered, ...others] = await takeNotifications(aws, 2);
  if (delivered === undefined) throw new Error('expected a notification, got none');
  expect(others).toEqual([]);
  const notification = JSON.parse(delivered.Message) as ReceivedNotification;
  expect(notificationSchema.safeParse(notification).error).toBeUndefined();
  const { objectKey } = notification.receipt.action;
  const { s3, resources } = aws;
  const from = { s3, bucket: resources.bucket };
  expect((await rebuildNotification(from, objectKey)).message).toBe(delivered.Message);
  expect((await readRecord(from, objectKey)).member).toEqual(notification.mailsluice);
  const { body, metadata } = await readObject(s3, resources.bucket, objectKey);
  return { delivered, notification, objectKey, body, metadata };
}
