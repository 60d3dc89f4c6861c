// One error class, with one stable `code`, for each thing that a caller can do about it. Their messages name the
// subject, the expectation and the value found, and are meant to be shown as they are, without a stack.

/** One mistake in the options. */
export interface OptionProblem {
  /** In the notation of JavaScript: `listeners[0].port`. `options` is the whole. */
  readonly path: string;
  readonly expected: string;
  /** What was found, without secrets; `nothing` where nothing was. */
  readonly got: string;
}

/**
 * The options contradict themselves or the documentation: change them. The message has one line for each mistake.
 *
 * @example
 * new SmtpServer({ limits: { maxRecipients: -1 } });
 * // OptionsError: limits.maxRecipients: expected a whole number from 0, got -1
 */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';
  readonly code = 'MAILSLUICE_OPTIONS_INVALID';
  /** All mistakes in the options of the constructor, of `close` or of `replaceCertificates`; else empty. */
  readonly problems: readonly OptionProblem[];

  constructor(message: string, problems: readonly OptionProblem[] = []) {
    super(message);
    this.problems = problems;
  }
}

/**
 * A hook, a writer, a mechanism of your own or `nextMessageId` gave a value that its documentation does not allow. The
 * client got a 4yz, as if the hook had thrown; observers get this error in a `failure` event.
 *
 * @example
 * server.onRecipient(() => false); // in JavaScript: nothing says what `false` means
 * // HookAnswerError: onRecipient: expected nothing or a reply { code, status, text }, got false
 */
export class HookAnswerError extends Error {
  override readonly name = 'HookAnswerError';
  readonly code = 'MAILSLUICE_HOOK_ANSWER_INVALID';
  /** Whose value it was: `onRecipient`, `onMail`, `openMessage`, `commit`, … */
  readonly hook: string;
  /** The name of the middleware whose hook it was, if it has one. */
  readonly middleware: string | undefined;
  readonly #detail: string;

  constructor(hook: string, detail: string, middleware?: string) {
    super(`${hook}${middleware === undefined ? '' : ` of ${middleware}`}: ${detail}`);
    this.hook = hook;
    this.middleware = middleware;
    this.#detail = detail;
  }

  /** @internal The same, of a middleware. */
  of(middleware: string): HookAnswerError {
    return new HookAnswerError(this.hook, this.#detail, middleware);
  }
}

/**
 * No `onMail` hook was added and no loop over the server has begun, so nobody can take a mail. MAIL is answered `451
 * 4.3.2` after 5 seconds, or half of `answerTimeoutSeconds` if that is less; observers get this error in a `failure` event.
 */
export class NoMailHookError extends Error {
  override readonly name = 'NoMailHookError';
  readonly code = 'MAILSLUICE_NO_MAIL_HOOK';
}

/**
 * `mail.parse()` was called, and the package mailparser is not installed, an optional peer of `mailsluice-smtp`: `npm install
 * mailparser`. `cause` is the error of the import.
 */
export class MailparserMissingError extends Error {
  override readonly name = 'MailparserMissingError';
  readonly code = 'MAILSLUICE_MAILPARSER_MISSING';

  constructor(cause: unknown) {
    super('mail.parse: expected the package mailparser, which is not installed', { cause });
  }
}

/** The version of Node.js is older than the library supports: run a newer one. */
export class NodeVersionError extends Error {
  override readonly name = 'NodeVersionError';
  readonly code = 'MAILSLUICE_NODE_VERSION';
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
 * server.onMail(async ({ mail }) => {
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
