import { Readable } from 'node:stream';
import type { ParsedMail, SimpleParserOptions } from 'mailparser';
import type { Envelope, MessageFacts, Reply, SessionFacts } from '../../smtp/index.ts';
import { requireReply } from '../boundary/replies.ts';
import { codeOf, MailGoneError, MailparserMissingError } from '../errors.ts';
import type { AnyState, SessionScope } from '../session-scope.ts';
import type { MailContent, MailReader } from './content.ts';

/**
 * One mail on its way in. A hook gets it before the first octet comes, and decides while it comes or afterwards.
 *
 * @example
 * server.onMail(async ({ mail }) => {
 *   const { subject } = await mail.parse();
 *   console.log(mail.envelope.reversePath?.address, subject);
 * });
 */
export class Mail {
  readonly #facts: MessageFacts;
  readonly #session: SessionFacts;
  readonly #reader: MailReader;
  #abort: AbortController | undefined;
  #gone: MailGoneError | undefined;
  #isRead = false;

  /** @internal */
  constructor(facts: MessageFacts, session: SessionFacts, content: MailContent) {
    this.#facts = facts;
    this.#session = session;
    this.#reader = content.addReader();
  }

  /** Unique, and said to the client when the mail is accepted: what `nextMessageId` gave. */
  get messageId(): string {
    return this.#facts.messageId;
  }

  /** The object that the other hooks of the session get. */
  get session(): SessionFacts {
    return this.#session;
  }

  /** The reverse-path and the accepted recipients, with their parameters. */
  get envelope(): Envelope {
    return this.#facts.envelope;
  }

  /** When the message began, before its first octet. */
  get receivedAt(): Date {
    return this.#facts.receivedAt;
  }

  /**
   * The message byte for byte as it was sent (without the dots of RFC 5321 section 4.5.2; with `bareNewline: 'normalize'`
   * each line end is CRLF), in chunks as they arrive.
   * Each hook can read it once; the sender is held to the pace of the slowest. What a hook has not read when it
   * answers is dropped. Once `signal` fires, reading fails with a `MailGoneError`.
   *
   * @example
   * server.onMail(async ({ mail }) => {
   *   const hash = createHash('sha256');
   *   for await (const chunk of mail.content) hash.update(chunk);
   * });
   */
  get content(): AsyncIterable<Buffer> {
    return { [Symbol.asyncIterator]: () => this.#read() };
  }

  /**
   * Fires as soon as the mail will not be accepted whatever this hook says: the client vanished, the mail grew
   * over the limit or broke a rule, another hook refused it, or it took too long.
   *
   * @example
   * server.onMail(async ({ mail }) => {
   *   await fetch('http://127.0.0.1:9/scan', { signal: mail.signal });
   * });
   */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#gone) this.#abort.abort(this.#gone);
    }
    return this.#abort.signal;
  }

  /**
   * Reads the whole content and parses it with mailparser, which `mailsluice-smtp` leaves to you to install. `parseMail` of `mailsluice/subscriber` has limits on parts
   * and depth, and mends some of mailparser's results.
   *
   * @example
   * server.onMail(async ({ mail }) => {
   *   const { attachments } = await mail.parse();
   *   if (attachments.length > 0) return { code: 550, status: '7.1', text: 'No attachments here' };
   * });
   */
  async parse(options?: SimpleParserOptions): Promise<ParsedMail> {
    // Loaded for the first mail that is parsed: a server that parses none does not load it.
    const { simpleParser } = await import('mailparser').catch((error: unknown) => {
      throw codeOf(error) === 'ERR_MODULE_NOT_FOUND' ? new MailparserMissingError(error) : error;
    });
    return simpleParser(Readable.from(this.content, { objectMode: false }), options);
  }

  /** @internal */
  get isGone(): boolean {
    return this.#gone !== undefined;
  }

  /** @internal The mail will not be accepted. */
  abandon(error: MailGoneError): void {
    if (this.#gone) return;
    this.#gone = error;
    this.#abort?.abort(error);
  }

  /** @internal The hook has answered: it reads no more. */
  finish(): void {
    this.#reader.close();
    this.#isRead = true;
  }

  #read(): AsyncIterator<Buffer, undefined> {
    if (this.#isRead) {
      throw new MailGoneError('content: expected to be read once, before the mail was answered');
    }
    this.#isRead = true;
    return this.#reader;
  }
}

/**
 * A mail of `for await (const mail of server)`: the sender waits until it is accepted or rejected.
 *
 * @example
 * for await (const mail of server) {
 *   const { subject } = await mail.parse();
 *   if (subject === undefined) mail.reject({ code: 550, status: '6.0', text: 'No subject' });
 *   else mail.accept();
 * }
 */
export class LoopMail<State = AnyState> extends Mail {
  readonly #scope: SessionScope;
  readonly #decided = Promise.withResolvers<Reply | undefined>();
  #isDecided = false;

  /** @internal */
  constructor(facts: MessageFacts, scope: SessionScope, content: MailContent) {
    super(facts, scope.session, content);
    this.#scope = scope;
  }

  /** The state of the session: see `HookContext`. */
  get state(): State {
    return this.#scope.state as State;
  }

  /** @internal */
  get decision(): Promise<Reply | undefined> {
    return this.#decided.promise;
  }

  get isDecided(): boolean {
    return this.#isDecided || this.isGone;
  }

  /**
   * Answers 250, or this reply of 250 to 252, after the last octet. From here on the mail is yours. Returns false if the
   * sender will not hear of it (it disconnected, or got a 4yz), and may therefore send the mail again. So it does after
   * any other reply: the sender gets `451 4.3.0`, and observers a `HookAnswerError`.
   */
  accept(reply?: Reply): boolean {
    return this.#decide(() => (reply === undefined ? reply : requireReply(reply, 'accept')));
  }

  /**
   * Answers this reply of 4yz or 5yz after the last octet. Returns false if the sender will not hear of it, as after any
   * other reply: the sender gets `451 4.3.0`, and observers a `HookAnswerError`.
   */
  reject(reply: Reply): boolean {
    return this.#decide(() => requireReply(reply, 'reject'));
  }

  #decide(decision: () => Reply | undefined): boolean {
    if (this.isDecided) return false;
    this.#isDecided = true;
    try {
      this.#decided.resolve(decision());
      return true;
    } catch (error) {
      this.#decided.reject(error);
      return false;
    }
  }
}
