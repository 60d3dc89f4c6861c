// One error class, with one stable `code`, for each thing that a caller can do about it. Their messages name the
// subject, the expectation and the value found, and are meant to be shown as they are, without a stack.

/**
 * The options contradict themselves or the documentation: change them.
 *
 * @example
 * new SmtpServer({ limits: { maxRecipients: -1 } });
 * // OptionsError: limits.maxRecipients: expected a whole number from 0, got -1
 */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';
  readonly code = 'MAILSLUICE_OPTIONS_INVALID';
}

/**
 * A certificate or key cannot be used: mend the file. Never holds key material.
 *
 * @example
 * try {
 *   server.replaceCertificates(await readCertificates());
 * } catch (error) {
 *   if (error instanceof CertificateError) console.error(error.message, '- the old ones go on serving');
 * }
 */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
  readonly code = 'MAILSLUICE_CERTIFICATE_INVALID';
}

/**
 * A listener cannot take its address: free the port, or choose another.
 *
 * @example
 * await server.listen().catch((error: unknown) => {
 *   if (!(error instanceof ListenError)) throw error;
 *   console.error(error.message);
 *   process.exitCode = 1;
 * });
 */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'MAILSLUICE_LISTEN_FAILED';
  /** The listener's name. */
  readonly listener: string;
  /** The operating system's code, for example `EADDRINUSE`; `cause` is its error. */
  readonly systemCode: string;

  constructor(message: string, facts: { listener: string; systemCode: string; cause: unknown }) {
    super(message, { cause: facts.cause });
    this.listener = facts.listener;
    this.systemCode = facts.systemCode;
  }
}

/**
 * The content of a mail was read after its client had vanished, or after the mail had been answered. A hook
 * need not catch it: nobody waits for its answer any more.
 *
 * @example
 * server.onMail(async (mail) => {
 *   try {
 *     for await (const chunk of mail.content) upload.write(chunk);
 *   } catch (error) {
 *     upload.abort();
 *     throw error;
 *   }
 * });
 */
export class MailGoneError extends Error {
  override readonly name = 'MailGoneError';
  readonly code = 'MAILSLUICE_MAIL_GONE';
}

/** A hook did not answer within `answerTimeoutSeconds`: the client was answered 4yz, and observers get this error. */
export class AnswerTimeoutError extends Error {
  override readonly name = 'AnswerTimeoutError';
  readonly code = 'MAILSLUICE_ANSWER_TIMEOUT';
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The system's or OpenSSL's code of an error, or `''`. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : '';
}
