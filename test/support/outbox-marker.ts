// A marker of the outbox as a bridge writes it, about a mail that need not be there.
import { messageId as newMessageId } from '../../src/bridge/contract/message-id.ts';
import { NOTIFICATION_SUBJECT } from '../../src/bridge/notify/notification.ts';
import type { OutboxMarker } from '../../src/bridge/outbox/marker.ts';

export interface MarkerInput {
  readonly topicArn: string;
  /** Of the header field that makes it large. */
  readonly octets?: number;
  readonly at?: Date;
}

export function markerOf({ topicArn, octets = 1000, at = new Date() }: MarkerInput): OutboxMarker {
  const messageId = newMessageId(at);
  const key = `mail/dt=2026-11-23/hr=13/${messageId}`;
  const message = JSON.stringify({
    notificationType: 'Received',
    mail: { messageId, headers: [{ name: 'X-Padding', value: 'x'.repeat(octets) }] },
    receipt: { action: { type: 'S3', objectKey: key } },
  });
  return {
    schemaVersion: 1,
    messageId,
    key,
    at: at.toISOString(),
    refusals: 0,
    notification: {
      topicArn,
      subject: NOTIFICATION_SUBJECT,
      message,
      attributes: { listener: { DataType: 'String', StringValue: 'mx' } },
    },
  };
}
