// One class for each thing that a caller can do about it.

/** The record is no announcement of a mail that could be used. Trying again does not help. */
export class NotificationError extends Error {
  override readonly name = 'NotificationError';
  /**
   * `not-json`: a text that should be JSON is none. `not-mail`: understood, and about no mail (a test event,
   * SES's set-up message, a delivery report): skip it. `unknown-shape`: none of the shapes that mail is
   * announced in. `invalid`: the right shape with wrong fields.
   */
  readonly code: 'not-json' | 'not-mail' | 'unknown-shape' | 'invalid';

  constructor(code: NotificationError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** The raw mail is not where the notification says: expired, deleted, or never stored. */
export class MailNotFoundError extends Error {
  override readonly name = 'MailNotFoundError';
}

/** The raw mail could not be read now (S3 down, no rights, no credentials): try again. `cause` says why. */
export class MailUnavailableError extends Error {
  override readonly name = 'MailUnavailableError';
}

/** Another invocation works on this mail right now; the record is left for a later delivery. */
export class MailInProgressError extends Error {
  override readonly name = 'MailInProgressError';
}
