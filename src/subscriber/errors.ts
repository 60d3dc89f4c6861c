// One class, with one stable `code`, for each thing that a caller can do about it. Whether a retry can help is a property of
// the class: `isPermanent`.

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

/** Gone: the raw mail is not where the notification says: expired, deleted, or never stored. A retry does not help. */
export class MailNotFoundError extends Error {
  override readonly name = 'MailNotFoundError';
  readonly code = 'MAILSLUICE_MAIL_NOT_FOUND';
}

/** The notification names an object that this function does not read: somebody else sends notifications. */
export class MailNotAllowedError extends Error {
  override readonly name = 'MailNotAllowedError';
  readonly code = 'MAILSLUICE_MAIL_NOT_ALLOWED';
}

/**
 * Not readable until somebody changes something: cold storage, a wrong bucket or region, a disabled key. A retry does not help;
 * the message says what does. `cause` is the error of AWS.
 */
export class MailUnreadableError extends Error {
  override readonly name = 'MailUnreadableError';
  readonly code = 'MAILSLUICE_MAIL_UNREADABLE';
}

/** Later: the raw mail could not be read now (S3 down or silent, no rights, no credentials). `cause` says why. */
export class MailUnavailableError extends Error {
  override readonly name = 'MailUnavailableError';
  readonly code = 'MAILSLUICE_MAIL_UNAVAILABLE';
}

/** The stream of `fetchMail` was read before, wholly or in part: what is left of it is not the mail. Fetch it again. */
export class MailAlreadyReadError extends Error {
  override readonly name = 'MailAlreadyReadError';
  readonly code = 'MAILSLUICE_MAIL_ALREADY_READ';
}

/** Another invocation works on this mail right now; the record is left for a later delivery. */
export class MailInProgressError extends Error {
  override readonly name = 'MailInProgressError';
  readonly code = 'MAILSLUICE_MAIL_IN_PROGRESS';
}

/** The invocation was about to be ended by Lambda; the record is left for a later delivery. */
export class MailDeadlineError extends Error {
  override readonly name = 'MailDeadlineError';
  readonly code = 'MAILSLUICE_MAIL_DEADLINE';
}

/** Several mails of one invocation failed. `errors` has the error of each. */
export class MailBatchError extends AggregateError {
  override readonly name = 'MailBatchError';
  readonly code = 'MAILSLUICE_MAIL_BATCH_FAILED';
}

/** `deadLetterQueueUrl` did not take a mail that no retry will handle; the record comes again. `cause` says why. */
export class DeadLetterError extends Error {
  override readonly name = 'DeadLetterError';
  readonly code = 'MAILSLUICE_DEAD_LETTER_FAILED';
}

/** An option of `defineMailHandler` cannot be used: change it. */
export class HandlerOptionsError extends RangeError {
  override readonly name = 'HandlerOptionsError';
  readonly code = 'MAILSLUICE_HANDLER_OPTIONS_INVALID';
}

/**
 * Thrown by a handler for a mail that no retry will handle. The mail does not come again: it is sent to
 * `deadLetterQueueUrl` where that is given, and is otherwise logged and deleted.
 */
export class PermanentFailure extends Error {
  override readonly name = 'PermanentFailure';
  readonly code = 'MAILSLUICE_PERMANENT_FAILURE';
}

/** By code, not by class: the error may be of another copy of this package. */
const PERMANENT_CODES: ReadonlySet<unknown> = new Set([
  'MAILSLUICE_NOTIFICATION_INVALID',
  'MAILSLUICE_MAIL_NOT_FOUND',
  'MAILSLUICE_MAIL_NOT_ALLOWED',
  'MAILSLUICE_MAIL_UNREADABLE',
  'MAILSLUICE_MAIL_UNPARSABLE',
  'MAILSLUICE_PERMANENT_FAILURE',
  // Of a mail that was permanent before the queue refused it.
  'MAILSLUICE_DEAD_LETTER_FAILED',
]);

/** Whether the record, its mail or its place is at fault, so that every retry fails alike. */
export function isPermanent(error: unknown): boolean {
  return PERMANENT_CODES.has(codeOf(error));
}

/** Whether the handler said by `PermanentFailure` that the mail shall not come again. */
export function isGivenUp(error: unknown): boolean {
  return codeOf(error) === 'MAILSLUICE_PERMANENT_FAILURE';
}

/** What is thrown may be anything, with properties that throw. */
function codeOf(error: unknown): unknown {
  try {
    return error instanceof Error && 'code' in error ? error.code : undefined;
  } catch {
    return undefined;
  }
}
