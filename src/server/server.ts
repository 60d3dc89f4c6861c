import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Admission } from './admission.ts';
import {
  type HandedOver,
  type InjectOptions,
  requireHandover,
  requireInjection,
} from './boundary/handover.ts';
import {
  requireCertificates,
  requireCloseOptions,
  requireHook,
  requireMiddleware,
} from './boundary/options-schema.ts';
import { checkedMessageIds } from './boundary/writer-answers.ts';
import { type Certificate, CertificateStore } from './certificates.ts';
import { Clock } from './clock.ts';
import { type Closed, type CloseOptions, Closing } from './closing.ts';
import { CertificateError, OptionsError } from './errors.ts';
import {
  bindHook,
  type CloseHook,
  type ConnectHook,
  type DataHook,
  type HeloHook,
  type HookName,
  type Hooks,
  type MailHook,
  type Middleware,
  makeHooks,
  type RecipientHook,
  type SecuredHook,
  type SenderHook,
  type SignInHook,
} from './hooks.ts';
import { shortestTimeout } from './limits.ts';
import { inject, type InjectedScript } from './inject/inject.ts';
import type { Transcript } from './inject/transcript.ts';
import type { Shared } from './listener.ts';
import { Listeners, type ListeningAddress } from './listeners.ts';
import { MailIntake } from './mail/intake.ts';
import type { LoopMail } from './mail/mail.ts';
import { requireNode } from './node-version.ts';
import type { OpenSession } from './open-session.ts';
import type { ServerOptions } from './options.ts';
import { makeSafe, makeWarnings } from './report-failure.ts';
import { type ResolvedOptions, resolveOptions } from './resolve-options.ts';
import { makeSessionIds } from './session-ids.ts';
import type { AnyState } from './session-scope.ts';

/**
 * An SMTP server. What it does with a mail is decided by its hooks, its loop or its `openMessage`: it answers 250
 * only when all of them accepted the mail. `State` is what the option `state` makes for each session.
 *
 * @example
 * const server = new SmtpServer({ listeners: [{ name: 'mx', port: 2525 }] });
 * server.onMail(async ({ mail }) => {
 *   const { subject } = await mail.parse();
 *   console.log(subject);
 * });
 * await server.listen();
 */
export class SmtpServer<State = AnyState>
  implements AsyncDisposable, AsyncIterable<LoopMail<State>>
{
  readonly #options: ServerOptions<State>;
  readonly #resolved: ResolvedOptions;
  readonly #hooks: Hooks = makeHooks();
  readonly #intake: MailIntake;
  readonly #clock: Clock;
  readonly #admission: Admission;
  readonly #certificates: CertificateStore | undefined = undefined;
  readonly #listeners: Listeners;
  readonly #closing: Closing;
  readonly #observe: Shared['observe'];
  readonly #closeOnAbort = (): void => void this.close();
  #hasListened = false;

  /**
   * Throws an `OptionsError` for all mistakes in the options, a `CertificateError` where a certificate cannot be used, or a
   * `NodeVersionError`.
   */
  constructor(options: ServerOptions<State> = {}) {
    requireNode();
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
    const { openMessage, state = () => ({}) } = options;
    this.#intake = new MailIntake(this.#hooks, openMessage !== undefined, (listener) =>
      this.#answerTimeoutSeconds(listener),
    );
    const shared: Shared = {
      hostname: this.#resolved.hostname,
      banner: this.#resolved.banner,
      notesDialogue: options.observeDialogue === true,
      hooks: this.#hooks,
      clock: this.#clock,
      admission: this.#admission,
      certificates: this.#certificates,
      openMessage: openMessage
        ? (facts, resume) => openMessage(facts, resume)
        : (facts, resume, scope) => this.#intake.open(facts, resume, scope),
      makeState: (session) => state(session),
      hasTaker: (answerTimeoutSeconds) => this.#intake.takers.has(answerTimeoutSeconds),
      warn: makeWarnings(),
      nextMessageId: options.nextMessageId ? checkedMessageIds(options.nextMessageId) : randomUUID,
      nextSessionId: makeSessionIds(),
      observe: this.#observe,
      connectionClosed: () => this.#closing.finishIfEmpty(),
    };
    this.#listeners = new Listeners(this.#resolved.listeners, shared);
    this.#closing = new Closing(this.#listeners, this.#admission, this.#observe, () => this.#end());
  }

  /**
   * A client connected. A refusal takes the place of the greeting.
   *
   * @example
   * server.onConnect(({ session, reply }) => {
   *   if (blocked.has(session.clientAddress)) return reply(554, '7.1', 'Go away');
   * });
   */
  onConnect(hook: ConnectHook<State>): this {
    return this.#add('onConnect', hook);
  }

  /**
   * EHLO, HELO or LHLO. The name is the client's claim: it is not verified.
   *
   * @example
   * server.onHelo(({ clientDomain, reply }) => {
   *   if (clientDomain === 'localhost') return reply(550, '7.1', 'You are not me');
   * });
   */
  onHelo(hook: HeloHook<State>): this {
    return this.#add('onHelo', hook);
  }

  /**
   * A TLS handshake is finished. A refusal takes the place of the greeting (`implicit`) or answers the next EHLO
   * (`starttls`).
   *
   * @example
   * server.onSecured(({ tls }) => console.log(tls.version, tls.cipher));
   */
  onSecured(hook: SecuredHook<State>): this {
    return this.#add('onSecured', hook);
  }

  /**
   * AUTH: see `SignInHookAnswer` for the answers. Without a hook of this kind nobody can sign in.
   *
   * @example
   * server.onSignIn(({ attempt }) =>
   *   attempt.kind === 'password' && passwords.get(attempt.username) === attempt.password.reveal());
   */
  onSignIn(hook: SignInHook<State>): this {
    return this.#add('onSignIn', hook);
  }

  /**
   * MAIL: the reverse-path, `null` for the null reverse-path of a bounce.
   *
   * @example
   * server.onSender(({ reversePath, reply }) => {
   *   if (reversePath?.domain === 'spam.example') return reply(550, '7.1', 'No');
   * });
   */
  onSender(hook: SenderHook<State>): this {
    return this.#add('onSender', hook);
  }

  /**
   * RCPT: one recipient. Without a hook of this kind every recipient is accepted.
   *
   * @example
   * server.onRecipient(({ forwardPath, reply }) => {
   *   if (forwardPath.domain !== 'example.com') return reply(550, '7.1', 'Relaying denied');
   * });
   */
  onRecipient(hook: RecipientHook<State>): this {
    return this.#add('onRecipient', hook);
  }

  /**
   * DATA, or the first BDAT: all recipients are known. A refusal takes the place of the `354`, before the client sends
   * the message. Asked before `openMessage` and before the `onMail` hooks are called.
   *
   * @example
   * server.onData(({ envelope, reply }) => {
   *   if (envelope.reversePath === null && envelope.recipients.length > 1) {
   *     return reply(550, '7.1', 'A bounce has one recipient');
   *   }
   * });
   */
  onData(hook: DataHook<State>): this {
    return this.#add('onData', hook);
  }

  /**
   * A mail: the hook is called before the first octet comes, and its answer is the reply to the mail. Cannot be
   * combined with `openMessage`, which takes the mails itself.
   *
   * @example
   * server.onMail(async ({ mail }) => {
   *   await pipeline(mail.content, createWriteStream(`${mail.messageId}.eml`));
   * });
   */
  onMail(hook: MailHook<State>): this {
    return this.#add('onMail', hook);
  }

  /**
   * A connection has closed, for whatever reason. No answer can be given.
   *
   * @example
   * server.onClose(({ session }) => tables.delete(session.sessionId));
   */
  onClose(hook: CloseHook<State>): this {
    return this.#add('onClose', hook);
  }

  /**
   * Adds the hooks of each middleware behind those that are there.
   *
   * @example
   * server.use(rateLimit(60), routes()).onMail(({ mail }) => store(mail));
   */
  use(...middlewares: readonly Middleware<State>[]): this {
    for (const each of middlewares) {
      requireMiddleware(each);
      if (each.onMail) this.#requireNoOpenMessage('onMail');
    }
    for (const each of middlewares) {
      for (const [name, hook] of Object.entries(each)) {
        if (name !== 'name' && hook !== undefined)
          this.#push(name as HookName, bindHook(hook, each));
      }
    }
    return this;
  }

  /** Where it listens, with the port that was assigned where the options say 0. Empty before `listen`. */
  get addresses(): readonly ListeningAddress[] {
    return this.#listeners.addresses;
  }

  /**
   * The port of the first listener that has one. Throws an `OptionsError` before `listen`, after `close`, and where all listeners
   * are Unix sockets.
   *
   * @example
   * await server.listen();
   * console.log(`listening on ${server.port}`);
   */
  get port(): number {
    return this.#listeners.port;
  }

  /**
   * The sessions at this moment, on all listeners. The iterator may be used while sessions begin and end.
   *
   * @example
   * for (const { session } of server.sessions) console.log(session.clientAddress, session.clientDomain);
   */
  get sessions(): Iterable<OpenSession<State>> {
    return this.#listeners.sessions<State>();
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
    if (this.#hasListened || this.#closing.hasBegun) {
      throw new OptionsError('listen(): expected to be called once');
    }
    if (this.#hooks.onSignIn.length === 0) this.#listeners.requireNoSignIn();
    const { signal } = this.#options;
    signal?.throwIfAborted();
    this.#hasListened = true;
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
   * Takes over a connection that was accepted elsewhere, as one of the named listener: a socket, a Unix socket, a `TLSSocket` after its
   * handshake, or any other duplex stream of octets. It has its session, its limits and its hooks like any other, and is destroyed at
   * the end. Nothing may read it any more; what was read and is for the session is given back with `stream.unshift`. With `tls:
   * 'implicit'` the handshake begins now, unless the stream is a `TLSSocket` or `facts.tls` says that it was secured before. After `close` it is
   * destroyed. Throws an `OptionsError` before `listen`, for a listener that is not there, and for a value that is no such stream.
   *
   * @example
   * const door = createServer((socket) => server.accept('mx', socket));
   */
  accept(listener: string, stream: Duplex, facts: HandedOver = {}): void {
    requireHandover(stream, facts);
    if (!this.#hasListened && !this.#closing.hasBegun) {
      throw new OptionsError('accept(): expected a server that listens, got one before listen()');
    }
    const taking = this.#listeners.named(listener, 'accept()');
    if (this.#closing.isCutting) stream.destroy();
    else taking.take(stream, facts);
  }

  /**
   * Says a script to a session in the process, without a socket and also before `listen`: for tests of hooks. Resolves when the
   * session has ended, after its `onClose` hooks were called, with all replies. On a listener with implicit TLS the session counts as secured, as it does where `tls` says
   * so; the handshake behind STARTTLS cannot be made. The client has the address 127.0.0.1, or `clientAddress`.
   *
   * @example
   * const { commands } = await server.inject(['EHLO c', 'MAIL FROM:<a@spam.example>']);
   * expect(commands.at(-1)?.replies[0]).toEqual({ code: 550, status: '5.7.1', text: 'No' });
   */
  async inject(script: InjectedScript, options: InjectOptions = {}): Promise<Transcript> {
    const { listener: name, facts } = requireInjection(script, options);
    const listener = this.#listeners.named(name ?? this.#resolved.listeners[0]?.name, 'inject()');
    if (this.#hooks.onSignIn.length === 0) this.#listeners.requireNoSignIn();
    if (!this.#closing.hasBegun) this.#clock.start();
    return inject(script, listener, facts, () => !this.#closing.isCutting);
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
    return this.#closing.begin(options);
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
  [Symbol.asyncIterator](): AsyncIterableIterator<LoopMail<State>, undefined> {
    this.#requireNoOpenMessage('for await');
    return this.#intake.loop.iterate() as AsyncIterableIterator<LoopMail<State>, undefined>;
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

  #add(name: HookName, hook: unknown): this {
    if (name === 'onMail') this.#requireNoOpenMessage(name);
    requireHook(name, hook);
    return this.#push(name, hook);
  }

  #push(name: HookName, hook: unknown): this {
    // The state of a session has the type that the hooks expect: it is made by the option of the same server.
    this.#hooks[name].push(hook as never);
    if (name === 'onMail') this.#intake.takers.arrived();
    return this;
  }

  #answerTimeoutSeconds(listener: string): number {
    const { listeners, limits } = this.#resolved;
    const options = listeners.find(({ name }) => name === listener);
    return (options?.limits ?? limits).answerTimeoutSeconds;
  }

  #requireNoOpenMessage(what: string): void {
    if (!this.#options.openMessage) return;
    throw new OptionsError(`${what}: expected a server without openMessage, got one that has it`);
  }

  /** The last connection has closed. */
  #end(): void {
    this.#options.signal?.removeEventListener('abort', this.#closeOnAbort);
    this.#clock.stop();
    this.#intake.loop.end();
  }
}
