import { randomUUID } from 'node:crypto';
import type { MessageFacts, OpenMessageAnswer, SessionFacts } from '../smtp/index.ts';
import { Admission } from './admission.ts';
import {
  requireCertificates,
  requireCloseOptions,
  requireHook,
} from './boundary/options-schema.ts';
import { type Certificate, CertificateStore } from './certificates.ts';
import { Clock } from './clock.ts';
import { CertificateError, NoMailHookError, OptionsError } from './errors.ts';
import {
  type CloseHook,
  type ConnectHook,
  type HeloHook,
  type Hooks,
  type MailHook,
  makeHooks,
  type Now,
  type RecipientHook,
  type SecuredHook,
  type SenderHook,
  type SignInHook,
} from './hooks.ts';
import { Listener, type Shared } from './listener.ts';
import { MailTakers } from './mail/takers.ts';
import type { LoopMail } from './mail/mail.ts';
import { HookWriter } from './mail/hook-writer.ts';
import { MailLoop } from './mail/loop.ts';
import { type Limits, shortestTimeout } from './limits.ts';
import { requireNode } from './node-version.ts';
import type { ServerOptions } from './options.ts';
import { asksSignInHooks, type ResolvedOptions, resolveOptions } from './resolve-options.ts';
import { makeSafe, makeWarnings } from './report-failure.ts';
import { makeSessionIds } from './session-ids.ts';

/** One address that a server listens on. */
export interface ListeningAddress {
  /** The listener's name. */
  readonly listener: string;
  readonly address: string;
  readonly port: number;
}

/** How to `close`. */
export interface CloseOptions {
  /** Seconds after which the sessions that are left get 421 in any state. Default 30. */
  readonly drain?: number;
  /**
   * Seconds without a whole command or response after which a client within a transaction or an AUTH exchange gets
   * 421. A client that sends the octets of a message is not interrupted. Default 5.
   */
  readonly idle?: number;
  /** Ends the wait when it fires, as the end of `drain` does. */
  readonly signal?: AbortSignal;
}

/** The result of `close`. */
export interface Closed {
  /** Sessions that were cut short. */
  readonly cut: number;
}

const DEFAULT_DRAIN_SECONDS = 30;
const DEFAULT_DRAIN_IDLE_SECONDS = 5;
/** How long a client that was cut may take to read the 421 and to close its side. */
const LAST_WORD_MILLISECONDS = 1000;

/**
 * An SMTP server. What it does with a mail is decided by its hooks, its loop or its `openMessage`: it answers 250
 * only when all of them accepted the mail.
 *
 * @example
 * const server = new SmtpServer({ listeners: [{ name: 'mx', port: 2525 }] });
 * server.onMail(async (mail) => {
 *   const { subject } = await mail.parse();
 *   console.log(subject);
 * });
 * await server.listen();
 */
export class SmtpServer implements AsyncDisposable, AsyncIterable<LoopMail> {
  readonly #options: ServerOptions;
  readonly #resolved: ResolvedOptions;
  readonly #hooks: Hooks = makeHooks();
  readonly #takers: MailTakers;
  readonly #loop = new MailLoop(() => this.#takers.arrived());
  readonly #clock: Clock;
  readonly #admission: Admission;
  readonly #certificates: CertificateStore | undefined = undefined;
  readonly #listeners: readonly Listener[];
  readonly #closed: PromiseWithResolvers<Closed>;
  readonly #observe: Shared['observe'];
  readonly #closeOnAbort = (): void => void this.close();
  #state: 'new' | 'listening' | 'draining' | 'cutting' | 'closed' = 'new';
  #cut = 0;
  #drainIdleSeconds = Number.POSITIVE_INFINITY;
  #lastWord: NodeJS.Timeout | undefined;

  /**
   * Throws an `OptionsError` for all mistakes in the options, a `CertificateError` where a certificate cannot be used, or a
   * `NodeVersionError`.
   */
  constructor(options: ServerOptions = {}) {
    requireNode();
    this.#closed = Promise.withResolvers();
    this.#options = options;
    this.#resolved = resolveOptions(options);
    this.#observe = options.observe && makeSafe(options.observe);
    const { certificates = [], clientAuthorities } = options.tls ?? {};
    if (certificates.length > 0) {
      const secured = this.#resolved.listeners.filter(({ tls }) => tls !== 'none');
      const profiles = [...new Set(secured.map(({ tlsProfile }) => tlsProfile))];
      const authorities = clientAuthorities && { clientAuthorities };
      this.#certificates = new CertificateStore(certificates, { profiles, ...authorities });
    }
    this.#clock = new Clock(shortestTimeout(this.#resolved.listeners.map((each) => each.limits)));
    const { maxConnections } = this.#resolved.limits;
    this.#admission = new Admission(maxConnections, this.#clock, this.#observe);
    this.#takers = new MailTakers(() => this.#isTaken());
    const { openMessage } = options;
    const shared: Shared = {
      hostname: this.#resolved.hostname,
      hooks: this.#hooks,
      clock: this.#clock,
      admission: this.#admission,
      certificates: this.#certificates,
      openMessage: openMessage
        ? (facts, resume) => openMessage(facts, resume)
        : (facts, resume, session) => this.#takeIn(facts, resume, session),
      hasTaker: (answerTimeoutSeconds) => this.#takers.has(answerTimeoutSeconds),
      warn: makeWarnings(),
      nextMessageId: options.nextMessageId ?? randomUUID,
      nextSessionId: makeSessionIds(),
      observe: this.#observe,
      connectionClosed: () => this.#finishIfEmpty(),
    };
    this.#listeners = this.#resolved.listeners.map((each) => new Listener(each, shared));
  }

  /**
   * A client connected. A refusal takes the place of the greeting.
   *
   * @example
   * server.onConnect((session) => {
   *   if (blocked.has(session.clientAddress)) return { code: 554, status: '7.1', text: 'Go away' };
   * });
   */
  onConnect(hook: ConnectHook): this {
    this.#add('onConnect', this.#hooks.connect, hook);
    return this;
  }

  /**
   * EHLO, HELO or LHLO. The name is the client's claim: it is not verified.
   *
   * @example
   * server.onHelo((clientDomain) => {
   *   if (clientDomain === 'localhost') return { code: 550, status: '7.1', text: 'You are not me' };
   * });
   */
  onHelo(hook: HeloHook): this {
    this.#add('onHelo', this.#hooks.helo, hook);
    return this;
  }

  /**
   * A TLS handshake is finished. A refusal takes the place of the greeting (`implicit`) or answers the next EHLO
   * (`starttls`).
   *
   * @example
   * server.onSecured((tls) => console.log(tls.version, tls.cipher));
   */
  onSecured(hook: SecuredHook): this {
    this.#add('onSecured', this.#hooks.secured, hook);
    return this;
  }

  /**
   * AUTH: see `SignInHookAnswer` for the answers. Without a hook of this kind nobody can sign in.
   *
   * @example
   * server.onSignIn((attempt) =>
   *   attempt.kind === 'password' && passwords.get(attempt.username) === attempt.password.reveal());
   */
  onSignIn(hook: SignInHook): this {
    this.#add('onSignIn', this.#hooks.signIn, hook);
    return this;
  }

  /**
   * MAIL: the reverse-path, `null` for the null reverse-path of a bounce.
   *
   * @example
   * server.onSender((reversePath) => {
   *   if (reversePath?.domain === 'spam.example') return { code: 550, status: '7.1', text: 'No' };
   * });
   */
  onSender(hook: SenderHook): this {
    this.#add('onSender', this.#hooks.sender, hook);
    return this;
  }

  /**
   * RCPT: one recipient. Without a hook of this kind every recipient is accepted.
   *
   * @example
   * server.onRecipient(({ domain }) => {
   *   if (domain !== 'example.com') return { code: 550, status: '7.1', text: 'Relaying denied' };
   * });
   */
  onRecipient(hook: RecipientHook): this {
    this.#add('onRecipient', this.#hooks.recipient, hook);
    return this;
  }

  /**
   * A mail: the hook is called before the first octet comes, and its answer is the reply to the mail. Cannot be
   * combined with `openMessage`, which takes the mails itself.
   *
   * @example
   * server.onMail(async (mail) => {
   *   await pipeline(mail.content, createWriteStream(`${mail.messageId}.eml`));
   * });
   */
  onMail(hook: MailHook): this {
    this.#requireNoOpenMessage('onMail');
    this.#add('onMail', this.#hooks.mail, hook);
    this.#takers.arrived();
    return this;
  }

  /**
   * A connection has closed, for whatever reason. No answer can be given.
   *
   * @example
   * server.onClose((session) => tables.delete(session.sessionId));
   */
  onClose(hook: CloseHook): this {
    this.#add('onClose', this.#hooks.close, hook);
    return this;
  }

  /** Where it listens, with the port that was assigned where the options say 0. Empty before `listen`. */
  get addresses(): readonly ListeningAddress[] {
    return this.#listeners.flatMap(({ options, address }) =>
      address ? [{ listener: options.name, ...address }] : [],
    );
  }

  /** The number of connections at this moment, on all listeners. */
  get connections(): number {
    return this.#admission.total;
  }

  /**
   * Listens on all listeners, or on none: throws a `ListenError` if one address is not available.
   *
   * @example
   * await server.listen();
   * console.log(server.addresses);
   */
  async listen(): Promise<this> {
    if (this.#state !== 'new') throw new OptionsError('listen(): expected to be called once');
    this.#requireSignInHooks();
    const { signal } = this.#options;
    signal?.throwIfAborted();
    this.#state = 'listening';
    this.#clock.start();
    try {
      for (const listener of this.#listeners) await listener.listen();
    } catch (error) {
      await this.close({ drain: 0 });
      throw error;
    }
    signal?.addEventListener('abort', this.#closeOnAbort, { once: true });
    const certificates = this.#certificates?.facts;
    if (certificates) this.#observe?.({ kind: 'certificates-served', certificates });
    return this;
  }

  /**
   * Answers `421 4.3.2` to each client at its next idle point, after `idle` seconds of silence also within a
   * transaction or an AUTH exchange, and to each new client in place of the greeting. After `drain` seconds or when
   * `signal` fires, every session that is left gets 421 in any state and is closed. A second call can
   * only shorten the wait; both give the same result. The promise resolves as soon as the last session that was
   * there has ended: then nothing listens, and no connection is left.
   *
   * New connections are still accepted, and turned away: a load balancer goes on sending clients for a while, and
   * a client that hears 421 tries the next server at once.
   *
   * @example
   * process.once('SIGTERM', () => void server.close({ drain: 60 }));
   */
  async close(options: CloseOptions = {}): Promise<Closed> {
    requireCloseOptions(options);
    const { drain = DEFAULT_DRAIN_SECONDS, idle = DEFAULT_DRAIN_IDLE_SECONDS, signal } = options;
    if (this.#state === 'closed') return this.#closed.promise;
    if (this.#state === 'new' || this.#state === 'listening') {
      this.#state = 'draining';
      const connections = this.#admission.total;
      this.#observe?.({ kind: 'closing', connections, drainSeconds: drain });
    }
    this.#drainIdleSeconds = Math.min(this.#drainIdleSeconds, idle);
    for (const listener of this.#listeners) listener.drain(this.#drainIdleSeconds);
    if (drain <= 0 || signal?.aborted === true) {
      this.#cutAll();
    } else {
      // Several may be set; the first to fire is the one that counts.
      const cut = (): void => this.#cutAll();
      const deadline = setTimeout(cut, drain * 1000);
      signal?.addEventListener('abort', cut);
      void this.#closed.promise.then(() => {
        clearTimeout(deadline);
        signal?.removeEventListener('abort', cut);
      });
    }
    this.#finishIfEmpty();
    return this.#closed.promise;
  }

  /**
   * Serves these certificates from the next handshake on; existing sessions keep theirs. If one of them cannot be
   * used, throws a `CertificateError` and goes on serving the old ones. One that has expired is served: the event
   * `certificates-served` says so.
   *
   * @example
   * server.replaceCertificates([{ cert: await readFile('mx.crt', 'utf8'), key: await readFile('mx.key', 'utf8') }]);
   */
  replaceCertificates(certificates: readonly Certificate[]): void {
    if (!this.#certificates) {
      throw new OptionsError('replaceCertificates(): expected a server with tls, got one without');
    }
    requireCertificates(certificates);
    try {
      this.#certificates.replace(certificates);
    } catch (error) {
      if (error instanceof CertificateError) {
        this.#observe?.({ kind: 'certificates-refused', error });
      }
      throw error;
    }
    this.#observe?.({ kind: 'certificates-served', certificates: this.#certificates.facts });
  }

  /**
   * The caller's own loop over the mails: each is answered when the loop accepts or rejects it, so that the
   * loop's pace is the senders' pace. It ends when the server is closed. Leaving the loop early defers the mails
   * that it took and did not decide.
   *
   * @example
   * for await (const mail of server) mail.accept();
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<LoopMail, undefined> {
    this.#requireNoOpenMessage('for await');
    return this.#loop.iterate();
  }

  /**
   * Closes the server at the end of its block.
   *
   * @example
   * await using server = new SmtpServer();
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The library's own writer: for the hooks, and for the loop if one runs or nothing else takes the mail. */
  #takeIn(facts: MessageFacts, resume: () => void, session: SessionFacts): Now<OpenMessageAnswer> {
    const { answerTimeoutSeconds } = this.#limitsOf(session.listener);
    const open = (isTaken: boolean): OpenMessageAnswer => {
      if (!isTaken)
        throw new NoMailHookError('expected a loop that goes on, got one that was left');
      const { mail: hooks } = this.#hooks;
      const isLooped = hooks.length === 0 || this.#loop.isRunning;
      const loop = isLooped ? this.#loop : undefined;
      const consumers = { session, hooks, loop, answerTimeoutSeconds };
      return { kind: 'accept', writer: new HookWriter(facts, resume, consumers) };
    };
    const isTaken = this.#takers.has(answerTimeoutSeconds);
    return isTaken === true ? open(true) : Promise.resolve(isTaken).then(open);
  }

  #isTaken(): boolean {
    return (
      this.#options.openMessage !== undefined || this.#hooks.mail.length > 0 || this.#loop.isRunning
    );
  }

  #add<H>(name: string, hooks: H[], hook: H): void {
    requireHook(name, hook);
    hooks.push(hook);
  }

  #limitsOf(name: string): Limits {
    const listener = this.#resolved.listeners.find((each) => each.name === name);
    return listener?.limits ?? this.#resolved.limits;
  }

  #requireNoOpenMessage(what: string): void {
    if (!this.#options.openMessage) return;
    throw new OptionsError(`${what}: expected a server without openMessage, got one that has it`);
  }

  #requireSignInHooks(): void {
    if (this.#hooks.signIn.length > 0) return;
    const listener = this.#resolved.listeners.find(asksSignInHooks);
    if (!listener) return;
    throw new OptionsError(
      `listener ${listener.name}: expected an onSignIn hook for auth "${listener.auth}", got none`,
    );
  }

  #cutAll(): void {
    if (this.#state === 'cutting' || this.#state === 'closed') return;
    this.#state = 'cutting';
    for (const listener of this.#listeners) listener.stop();
    // Not within a session's turn, and after the reply to every question that is answered by now: to a client whose
    // message was accepted 421 would be a lie.
    setImmediate(() => {
      for (const listener of this.#listeners) this.#cut += listener.cut();
    });
    this.#lastWord = setTimeout(() => {
      for (const listener of this.#listeners) listener.destroy();
    }, LAST_WORD_MILLISECONDS);
  }

  /** Called whenever a connection has closed. */
  #finishIfEmpty(): void {
    if (this.#state === 'draining' && !this.#listeners.some((each) => each.isWaitedFor)) {
      this.#cutAll();
    }
    if (this.#state !== 'cutting' || this.#admission.total > 0) return;
    this.#state = 'closed';
    clearTimeout(this.#lastWord);
    this.#options.signal?.removeEventListener('abort', this.#closeOnAbort);
    this.#clock.stop();
    this.#loop.end();
    this.#observe?.({ kind: 'closed', cut: this.#cut });
    this.#closed.resolve({ cut: this.#cut });
  }
}
