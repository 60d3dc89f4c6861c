// What a hook is called with: one object for each question, of a small class. All hooks of a chain get the same one.
import type {
  Envelope,
  ForwardPath,
  MailParameters,
  RcptParameters,
  Reply,
  ReversePath,
  SessionFacts,
  SignInAttempt,
  TlsFacts,
} from '../smtp/index.ts';
import { requireReply } from './boundary/replies.ts';
import type { Mail } from './mail/mail.ts';
import { makeReply } from './refusal.ts';
import type { AnyState, SessionScope } from './session-scope.ts';

/**
 * What every hook is called with; `onConnect` and `onClose` get no more than this.
 *
 * @example
 * server.onConnect(({ session, reply }) => {
 *   if (blocked.has(session.clientAddress)) return reply(554, '7.1', 'Go away');
 * });
 */
export class HookContext<State = AnyState> {
  readonly #scope: SessionScope;

  /** @internal */
  constructor(scope: SessionScope) {
    this.#scope = scope;
  }

  /** The same object from the connection to its end, always with the present facts. */
  get session(): SessionFacts {
    return this.#scope.session;
  }

  /** Yours, one for each session: what the option `state` made when a hook first asked for it. Default: an empty object. */
  get state(): State {
    return this.#scope.state as State;
  }

  /**
   * Makes a reply, to return from the hook. `status` is subject and detail of the enhanced status code, whose class follows from
   * the code; `undefined` for none. Throws a `HookAnswerError` where the values are none of a reply. It needs no `this`.
   *
   * @example
   * server.onSender(({ reply }) => reply(451, '3.0', 'Try again later')); // 451 4.3.0 Try again later
   */
  reply(
    this: void,
    code: number,
    status: string | undefined,
    text: string | readonly string[],
  ): Reply {
    return requireReply(makeReply(code, status, text), 'reply');
  }
}

/** What `onSecured` is called with. */
export class SecuredContext<State = AnyState> extends HookContext<State> {
  /** Version, cipher suite, the server name that the client asked for, its certificate. */
  readonly tls: TlsFacts;

  /** @internal */
  constructor(scope: SessionScope, tls: TlsFacts) {
    super(scope);
    this.tls = tls;
  }
}

/** What `onHelo` is called with. */
export class HeloContext<State = AnyState> extends HookContext<State> {
  /** The argument of EHLO, HELO or LHLO: the client's claim. `session.clientDomain` is still the one before. */
  readonly clientDomain: string;

  /** @internal */
  constructor(scope: SessionScope, clientDomain: string) {
    super(scope);
    this.clientDomain = clientDomain;
  }
}

/** What `onSignIn` is called with. */
export class SignInContext<State = AnyState> extends HookContext<State> {
  /** What the client shows, by its `kind`: a password, a token, a certificate, or a name whose proof follows (SCRAM). */
  readonly attempt: SignInAttempt;

  /** @internal */
  constructor(scope: SessionScope, attempt: SignInAttempt) {
    super(scope);
    this.attempt = attempt;
  }
}

/** What `onSender` is called with. */
export class SenderContext<State = AnyState> extends HookContext<State> {
  /** `null` for the null reverse-path of a bounce. */
  readonly reversePath: ReversePath;
  /** The parameters of MAIL, parsed: SIZE, BODY, SMTPUTF8 and those of the extensions that are offered. */
  readonly parameters: MailParameters;

  /** @internal */
  constructor(scope: SessionScope, reversePath: ReversePath, parameters: MailParameters) {
    super(scope);
    this.reversePath = reversePath;
    this.parameters = parameters;
  }
}

/** What `onRecipient` is called with. */
export class RecipientContext<State = AnyState> extends HookContext<State> {
  /** `address`, and its parts `localPart` and `domain`. */
  readonly forwardPath: ForwardPath;
  /** The parameters of RCPT, parsed: those of DSN. */
  readonly parameters: RcptParameters;
  /** What was accepted so far: the recipients do not hold this one. */
  readonly envelope: Envelope;

  /** @internal */
  constructor(
    scope: SessionScope,
    forwardPath: ForwardPath,
    parameters: RcptParameters,
    envelope: Envelope,
  ) {
    super(scope);
    this.forwardPath = forwardPath;
    this.parameters = parameters;
    this.envelope = envelope;
  }
}

/** What `onData` is called with. */
export class DataContext<State = AnyState> extends HookContext<State> {
  /** With all accepted recipients, of which there is at least one. */
  readonly envelope: Envelope;

  /** @internal */
  constructor(scope: SessionScope, envelope: Envelope) {
    super(scope);
    this.envelope = envelope;
  }
}

/** What `onMail` is called with. Each hook has its own, because each reads the mail by itself. */
export class MailContext<State = AnyState> extends HookContext<State> {
  /** The mail, before its first octet has arrived. */
  readonly mail: Mail;

  /** @internal */
  constructor(scope: SessionScope, mail: Mail) {
    super(scope);
    this.mail = mail;
  }

  /** That of the mail: its reverse-path, its recipients, their parameters. */
  get envelope(): Envelope {
    return this.mail.envelope;
  }
}
