import type { ParsedMail, SimpleParserOptions } from 'mailparser';
import { type FetchedMail, type FetchOptions, fetchMail } from './fetch-mail.ts';
import { messageOf } from './message-of.ts';
import type { MailNotification } from './parse-notification.ts';

export interface ParseMailOptions extends FetchOptions {
  /** mailparser's own options, as `skipImageLinks` or `maxHtmlLengthToParse`. */
  readonly parser?: SimpleParserOptions;
  /** Leaves the trace header block in, as `Return-Path` and `Received`. Default false: the message as sent. */
  readonly withTraceHeaders?: boolean;
}

/**
 * The mail as mailparser's object: text, html, attachments, addresses. Takes a notification, or what
 * `fetchMail` gave. Everything is in memory: some two to three times the mail's size. No string of it has a NUL or a
 * surrogate without its pair, and `date` is absent where the mail has no date that can be read. `filename` of an
 * attachment is absent where the mail gives it no name. A multipart without a boundary is an attachment, whose content is
 * everything in it and whose `contentType` begins with `multipart/`.
 * `mailParts` reads mail that is too large for this.
 * @throws MailUnparsableError where the mail exceeds a limit of the parser; otherwise as `fetchMail`
 */
export async function parseMail(
  mail: Pick<MailNotification, 'object' | 'notification'> | FetchedMail,
  options: ParseMailOptions = {},
): Promise<ParsedMail> {
  const fetched = 'stream' in mail ? mail : await fetchMail(mail, options);
  // Loaded only now: it is most of a bundle, and a cold start should not wait for it.
  const { parseMessage } = await import('../message/mime/parse-message.ts');
  try {
    return await parseMessage(messageOf(fetched, options.withTraceHeaders), options.parser);
  } finally {
    fetched.stream.destroy();
  }
}
