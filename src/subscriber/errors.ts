// One class, with one stable `code`, for each thing that a caller can do about it.

/** The record is no announcement of a mail that could be used. Trying again does not help. */
export class NotificationError extends Error {
  override readonly name = 'NotificationError';
  readonly code = 'MAILSLUICE_NOTIFICATION_INVALID';
  /**
   * `not-json`: a text that should be JSON is none. `not-mail`: understood, and about no mail (a test event,
   * SES's set-up message, a delivery report): skip it. `unknown-shape`: none of the shapes that mail is
   * announced in. `invalid`: the right shape with wrong fields.
   */
  readonly reason: 'not-json' | 'not-mail' | 'unknown-shape' | 'invalid';

  constructor(reason: NotificationError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The raw mail is not where the notification says: expired, deleted, or never stored. */
export class MailNotFoundError extends Error {
  override readonly name = 'MailNotFoundError';
  readonly code = 'MAILSLUICE_MAIL_NOT_FOUND';
}

/** The notification names an object that this function does not read: somebody else sends notifications. */
export class MailNotAllowedError extends Error {
  override readonly name = 'MailNotAllowedError';
  readonly code = 'MAILSLUICE_MAIL_NOT_ALLOWED';
}

/** The raw mail could not be read now (S3 down, no rights, no credentials): try again. `cause` says why. */
export class MailUnavailableError extends Error {
  override readonly name = 'MailUnavailableError';
  readonly code = 'MAILSLUICE_MAIL_UNAVAILABLE';
}

/** Another invocation works on this mail right now; the record is left for a later delivery. */
export class MailInProgressError extends Error {
  override readonly name = 'MailInProgressError';
  readonly code = 'MAILSLUICE_MAIL_IN_PROGRESS';
}

/** An option of `defineMailHandler` cannot be used: change it. */
export class HandlerOptionsError extends RangeError {
  override readonly name = 'HandlerOptionsError';
  readonly code = 'MAILSLUICE_HANDLER_OPTIONS_INVALID';
}
