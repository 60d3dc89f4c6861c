// What counts as the same mail to the idempotency store.
import { createHash } from 'node:crypto';
import type { MailNotification } from './mail-notification.ts';

/**
 * `messageId`: each delivery and redelivery of one mail is the same. `content`: so is a mail with the same octets for the same
 * recipients, as a sender sends again that did not hear the answer; where the notification has no digest (SES, events of
 * S3) as `messageId`. In both, each replay counts as a new mail. A function gives the key itself.
 */
export type IdempotencyKey<Mail> =
  | 'messageId'
  | 'content'
  | ((mail: Mail) => string | Promise<string>);

export async function idempotencyKeyOf<Mail extends MailNotification>(
  mail: Mail,
  choice: IdempotencyKey<Mail>,
): Promise<string> {
  if (typeof choice === 'function') {
    const key: unknown = await choice(mail);
    if (typeof key === 'string' && key !== '') return key;
    throw new TypeError(`idempotencyKey: expected a text that is not empty, got ${typeof key}`);
  }
  const key = choice === 'content' ? contentKey(mail) : mail.messageId;
  const replay = mail.notification?.mailsluice?.replay;
  // To run new code over old mail is what a replay is for.
  return replay === undefined ? key : `${key}@${replay.id ?? replay.at}`;
}

function contentKey({ messageId, notification }: MailNotification): string {
  const sha256 = notification?.mailsluice?.sha256;
  if (notification === undefined || sha256 === undefined) return messageId;
  const recipients = JSON.stringify([...new Set(notification.receipt.recipients)].sort());
  // No address is part of a key.
  const digest = createHash('sha256').update(recipients).digest('hex').slice(0, 32);
  return `content:${sha256}:${digest}`;
}
