/**
 * The message cannot be parsed: a limit is exceeded. It is the same every time, so a retry does not help; the octets
 * themselves can still be read.
 */
export class MailUnparsableError extends Error {
  override readonly name = 'MailUnparsableError';
  readonly code = 'MAILSLUICE_MAIL_UNPARSABLE';
  /**
   * `too-deep`: parts within parts, more than 100 levels. `too-many-parts`: more than 1,000, or `maxChildNodes`.
   * `header-too-large`: the header section of the message or of a part is over 1 MiB, or `maxHeadSize`.
   * `text-too-large`: only from `text()` of a part.
   */
  readonly reason: 'too-deep' | 'too-many-parts' | 'header-too-large' | 'text-too-large';

  constructor(reason: MailUnparsableError['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
