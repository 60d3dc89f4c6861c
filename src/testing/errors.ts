/** No mail came that `waitForMail` waits for: look at the mails that the message lists, or wait longer. */
export class MailTimeoutError extends Error {
  override readonly name = 'MailTimeoutError';
  readonly code = 'MAILSLUICE_MAIL_TIMEOUT';
}
