import type { MessagePart, MessagePartsOptions } from '../message/mime/message-parts.ts';
import { type FetchedMail, type FetchOptions, fetchMail } from './fetch-mail.ts';
import { messageOf } from './message-of.ts';
import type { MailNotification } from './parse-notification.ts';

export interface MailPartsOptions extends FetchOptions, MessagePartsOptions {}

/**
 * The parts of a mail that hold content, one after the other, each with its decoded content as a stream. Takes a
 * notification, or what `fetchMail` gave. The memory that it needs does not depend on the size of the mail.
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
export function mailParts(
  mail: Pick<MailNotification, 'object' | 'notification'> | FetchedMail,
  options: MailPartsOptions = {},
): AsyncGenerator<MessagePart, void, undefined> {
  return readParts(async () => ('stream' in mail ? mail : await fetchMail(mail, options)), options);
}

/** As `mailParts`, of a mail that is fetched when the first part is asked for. */
export async function* readParts(
  open: () => Promise<FetchedMail>,
  options: MessagePartsOptions = {},
): AsyncGenerator<MessagePart, void, undefined> {
  const fetched = await open();
  try {
    // Loaded only now, as the parser of `parseMail` is.
    const { readMessageParts } = await import('../message/mime/message-parts.ts');
    yield* readMessageParts(messageOf(fetched), options);
  } finally {
    fetched.stream.destroy();
  }
}
