// Posts a summary of each mail to a webhook, signed so that the receiver can tell it is ours.
// Environment: WEBHOOK_URL, WEBHOOK_SECRET. In your project the import is 'mailsluice/subscriber'.
import { createHmac } from 'node:crypto';
import { defineMailHandler } from '../index.ts';

const { WEBHOOK_URL = '', WEBHOOK_SECRET = '' } = process.env;

export const handler = defineMailHandler(
  async ({ messageId, object, notification, replay, signal }) => {
    if (notification === undefined) return;
    const { mail, receipt } = notification;
    const body = JSON.stringify({
      messageId,
      receivedAt: mail.timestamp,
      from: mail.source,
      recipients: receipt.recipients,
      subject: mail.commonHeaders.subject ?? '',
      dmarc: receipt.dmarcVerdict.status,
      object,
      isReplay: replay !== undefined,
    });

    const response = await fetch(WEBHOOK_URL, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        // The receiver may get a mail twice; by this it knows.
        'Idempotency-Key': messageId,
        'X-Signature': createHmac('sha256', WEBHOOK_SECRET).update(body).digest('hex'),
      },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    });
    await response.body?.cancel();
    // The record stays in the queue and comes again.
    if (!response.ok) throw new Error(`webhook: answered ${response.status}`);
  },
);
