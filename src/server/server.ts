import { randomBytes, randomUUID } from 'node:crypto';
import type { MessageFacts, OpenMessageAnswer } from '../smtp/index.ts';
import { type Certificate, CertificateStore } from './certificates.ts';
import { Clock } from './clock.ts';
import { ConnectionCounts } from './connection-counts.ts';
import { CertificateError, OptionsError } from './errors.ts';
import type { ServerEvent } from './events.ts';
import {
  type CloseHook,
  type ConnectHook,
  type HeloHook,
  type Hooks,
  type MailHook,
  makeHooks,
  type RecipientHook,
  type SecuredHook,
  type SenderHook,
  type SignInHook,
} from './hooks.ts';
import { Listener, type Shared } from './listener.ts';
import type { LoopMail } from './mail/mail.ts';
import { HookWriter } from './mail/hook-writer.ts';
import { MailLoop } from './mail/loop.ts';
import type { Limits } from './limits.ts';
import { type ResolvedOptions, resolveOptions, type ServerOptions } from './options.ts';

/** One address that a server listens on. */
export interface ListeningAddress {
  /** The listener's name. */
  readonly listener: string;
  readonly address: string;
  readonly port: number;
}

/** How to `close`. */
export interface CloseOptions {
  /** Seconds until what is left is cut. Default 30. */
  readonly drain?: number;
  /** Cuts what is left as soon as it fires. */
  readonly signal?: AbortSignal;
}

/** How `close` went. */
export interface Closed {
  /** Sessions that were cut short because the time to drain was over. */
  readonly cut: number;
}

const DEFAULT_DRAIN_SECONDS = 30;

/**
 * An SMTP server. It takes mail in and does nothing with it but what its hooks, its loop or its `openMessage`
 * say; a mail is answered 250 only when they agreed.
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
  readonly #loop = new MailLoop();
  readonly #clock: Clock;
  readonly #counts = new ConnectionCounts();
  readonly #certificates: CertificateStore | undefined = undefined;
  readonly #listeners: readonly Listener[];
  readonly #closed = Promise.withResolvers<Closed>();
  readonly #observe: Shared['observe'];
  readonly #closeOnAbort = (): void => void this.close();
  #state: 'new' | 'listening' | 'draining' | 'stopping' | 'closed' = 'new';
  #cut = 0;

  /** Throws an `OptionsError` or a `CertificateError` where the options cannot work. */
  constructor(options: ServerOptions = {}) {
    this.#options = options;
    this.#resolved = resolveOptions(options);
    this.#observe = options.observe && makeSafe(options.observe);
    const { certificates = [], clientAuthorities } = options.tls ?? {};
    if (certificates.length > 0) {
      this.#certificates = new CertificateStore(certificates, clientAuthorities);
    }
    this.#clock = new Clock(shortestTimeout(this.#resolved.listeners.map((each) => each.limits)));
    const shared: Shared = {
      hostname: this.#resolved.hostname,
      hooks: this.#hooks,
      clock: this.#clock,
      counts: this.#counts,
      maxConnections: this.#resolved.limits.maxConnections,
      certificates: this.#certificates,
      openMessage: options.openMessage ?? ((facts, resume) => this.#takeIn(facts, resume)),
      nextMessageId: options.nextMessageId ?? randomUUID,
      nextSessionId: makeSessionIds(),
      observe: this.#observe,
      connectionClosed: () => this.#finishIfEmpty(),
    };
    this.#listeners = this.#resolved.listeners.map((each) => new Listener(each, shared));
  }

  /**
   * A connection came; nothing was said yet. A refusal is said in the place of the greeting.
   *
   * @example
   * server.onConnect((session) => {
   *   if (blocked.has(session.clientAddress)) return { code: 554, status: '7.1', text: 'Go away' };
   * });
   */
  onConnect(hook: ConnectHook): this {
    this.#hooks.connect.push(hook);
    return this;
  }

  /**
   * The client introduced itself (EHLO, HELO or LHLO). The name is what it says, and nothing else.
   *
   * @example
   * server.onHelo((clientDomain) => {
   *   if (clientDomain === 'localhost') return { code: 550, status: '7.1', text: 'You are not me' };
   * });
   */
  onHelo(hook: HeloHook): this {
    this.#hooks.helo.push(hook);
    return this;
  }

  /**
   * A TLS handshake is finished. A refusal is said in the place of the greeting (`implicit`) or in answer to
   * the next EHLO (`starttls`).
   *
   * @example
   * server.onSecured((tls) => console.log(tls.version, tls.cipher));
   */
  onSecured(hook: SecuredHook): this {
    this.#hooks.secured.push(hook);
    return this;
  }

  /**
   * The client wants to sign in: see `SignInHookAnswer`. Without any such hook nobody can.
   *
   * @example
   * server.onSignIn((attempt) =>
   *   attempt.kind === 'password' && passwords.get(attempt.username) === attempt.password.reveal());
   */
  onSignIn(hook: SignInHook): this {
    this.#hooks.signIn.push(hook);
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
    this.#hooks.sender.push(hook);
    return this;
  }

  /**
   * RCPT: one recipient. Without any such hook every recipient is accepted.
   *
   * @example
   * server.onRecipient(({ domain }) => {
   *   if (domain !== 'example.com') return { code: 550, status: '7.1', text: 'Relaying denied' };
   * });
   */
  onRecipient(hook: RecipientHook): this {
    this.#hooks.recipient.push(hook);
    return this;
  }

  /**
   * A mail comes: the hook is called before its first octet, and its answer is the reply to the mail. Not
   * together with `openMessage`, which takes the mails itself.
   *
   * @example
   * server.onMail(async (mail) => {
   *   await pipeline(mail.content, createWriteStream(`${mail.messageId}.eml`));
   * });
   */
  onMail(hook: MailHook): this {
    this.#requireNoSink('onMail');
    this.#hooks.mail.push(hook);
    return this;
  }

  /**
   * A connection is gone, whatever ended it. There is nobody left to answer.
   *
   * @example
   * server.onClose((session) => tables.delete(session.sessionId));
   */
  onClose(hook: CloseHook): this {
    this.#hooks.close.push(hook);
    return this;
  }

  /** Where it listens: the ports that were free, where 0 was asked for. Empty before `listen`. */
  get addresses(): readonly ListeningAddress[] {
    return this.#listeners.flatMap(({ options, address }) =>
      address ? [{ listener: options.name, ...address }] : [],
    );
  }

  /** Connections at this moment, on all listeners. */
  get connections(): number {
    return this.#counts.total;
  }

  /**
   * Listens on all listeners, or on none: throws a `ListenError` where one address cannot be had.
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
   * Says `421 4.3.2` to each client at its next idle point (never inside a message) and to every new one in the
   * place of a greeting, and cuts what is left after `drain` seconds or when `signal` fires. A second call may
   * only shorten the wait; both give the same result. Nothing listens and no session is open once it settles,
   * which is as soon as the last session that was there has ended.
   *
   * New clients are still taken and turned away, since a load balancer goes on sending them for a while and a
   * client that hears 421 tries the next server at once.
   *
   * @example
   * process.once('SIGTERM', () => void server.close({ drain: 60 }));
   */
  async close({ drain = DEFAULT_DRAIN_SECONDS, signal }: CloseOptions = {}): Promise<Closed> {
    if (this.#state === 'closed') return this.#closed.promise;
    if (this.#state === 'new' || this.#state === 'listening') {
      this.#state = 'draining';
      const connections = this.#counts.total;
      this.#observe?.({ kind: 'closing', connections, drainSeconds: drain });
      for (const listener of this.#listeners) listener.drain();
    }
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
   * Serves these certificates from the next handshake on; sessions that are open keep theirs. Throws a
   * `CertificateError`, and goes on with the old ones, where one of the new ones cannot be used or has expired.
   *
   * @example
   * server.replaceCertificates([{ cert: await readFile('mx.crt', 'utf8'), key: await readFile('mx.key', 'utf8') }]);
   */
  replaceCertificates(certificates: readonly Certificate[]): void {
    if (!this.#certificates) {
      throw new OptionsError('replaceCertificates(): expected a server with tls, got one without');
    }
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
   * loop's pace is the senders' pace. It ends when the server was closed. Leaving it early defers what it took
   * and did not decide.
   *
   * @example
   * for await (const mail of server) mail.accept();
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<LoopMail, undefined> {
    this.#requireNoSink('for await');
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

  /** The library's sink: hooks, and the loop where one runs or nothing else would take the mail. */
  #takeIn(facts: MessageFacts, resume: () => void): OpenMessageAnswer {
    const { mail: hooks } = this.#hooks;
    const isLooped = hooks.length === 0 || this.#loop.isRunning;
    const writer = new HookWriter(facts, resume, {
      hooks,
      loop: isLooped ? this.#loop : undefined,
      answerTimeoutSeconds: this.#limitsOf(facts.session.listener).answerTimeoutSeconds,
    });
    return { kind: 'accept', writer };
  }

  #limitsOf(name: string): Limits {
    const listener = this.#resolved.listeners.find((each) => each.name === name);
    return listener?.limits ?? this.#resolved.limits;
  }

  #requireNoSink(what: string): void {
    if (!this.#options.openMessage) return;
    throw new OptionsError(`${what}: expected a server without openMessage, got one that has it`);
  }

  #requireSignInHooks(): void {
    if (this.#hooks.signIn.length > 0) return;
    const listener = this.#resolved.listeners.find((each) => each.auth !== 'none');
    if (!listener) return;
    throw new OptionsError(
      `listener ${listener.name}: expected an onSignIn hook for auth "${listener.auth}", got none`,
    );
  }

  #cutAll(): void {
    if (this.#state === 'closed') return;
    this.#state = 'stopping';
    for (const listener of this.#listeners) this.#cut += listener.cut();
  }

  /** Called whenever a connection is gone. */
  #finishIfEmpty(): void {
    if (this.#state === 'draining' && !this.#listeners.some((each) => each.isWaitedFor)) {
      this.#cutAll();
    }
    if (this.#state !== 'stopping' || this.#counts.total > 0) return;
    this.#state = 'closed';
    this.#options.signal?.removeEventListener('abort', this.#closeOnAbort);
    this.#clock.stop();
    this.#loop.end();
    this.#observe?.({ kind: 'closed', cut: this.#cut });
    this.#closed.resolve({ cut: this.#cut });
  }
}

/** An observer is no part of the service: what it throws must not touch a session. */
function makeSafe(observe: (event: ServerEvent) => void): (event: ServerEvent) => void {
  return (event) => {
    try {
      observe(event);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  };
}

/** Short, printable, and of this process alone. */
function makeSessionIds(): () => string {
  const prefix = randomBytes(5).toString('hex');
  let count = 0;
  return () => `${prefix}-${(++count).toString(36)}`;
}

function shortestTimeout(limits: readonly Limits[]): number {
  return Math.min(
    ...limits.flatMap((each) => [
      each.commandTimeoutSeconds,
      each.dataTimeoutSeconds,
      each.messageSeconds,
      each.handshakeTimeoutSeconds,
      each.sessionSeconds,
      each.answerTimeoutSeconds,
    ]),
  );
}
