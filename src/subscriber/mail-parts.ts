import type { MessagePart, MessagePartsOptions } from '../message/mime/message-parts.ts';
import { type FetchedMail, type FetchOptions, fetchMail } from './fetch-mail.ts';
import { messageOf } from './message-of.ts';
import type { MailNotification } from './parse-notification.ts';

export interface MailPartsOptions extends FetchOptions, MessagePartsOptions {}

/** The mail of a handler, which knows its client of S3. */
export interface Fetchable {
  fetch(options?: Pick<FetchOptions, 'signal'>): Promise<FetchedMail>;
}

/**
 * The parts of a mail that hold content, one after the other, each with its decoded content as a stream. Takes the mail of
 * a handler, a notification, or what `fetchMail` gave. The memory that it needs does not depend on the size of the mail.
 *
 * ```ts
 * for await (const part of mailParts(mail)) {
 *   if (part.disposition === 'attachment') await pipeline(part.content, createWriteStream(path));
 * }
 * ```
 *
 * What is left of a part is skipped when the next one is asked for. An attached message (`message/rfc822`) is a part; its
 * content can be read as `mailParts({ stream: part.content, traceHeaderOctets: 0 })`.
 * @throws MailUnparsableError where the mail exceeds a limit; otherwise as `fetchMail`. The stream of a part fails alike.
 */
export async function* mailParts(
  mail: Pick<MailNotification, 'object' | 'notification'> | FetchedMail | Fetchable,
  options: MailPartsOptions = {},
): AsyncGenerator<MessagePart, void, undefined> {
  const fetched =
    'stream' in mail
      ? mail
      : await ('fetch' in mail ? mail.fetch(options) : fetchMail(mail, options));
  try {
    // Loaded only now, as the parser of `parseMail` is.
    const { readMessageParts } = await import('../message/mime/message-parts.ts');
    yield* readMessageParts(messageOf(fetched), options);
  } finally {
    fetched.stream.destroy();
  }
}
