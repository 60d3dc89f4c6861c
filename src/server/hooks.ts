// The hooks of a server: what each is called with and may answer, and the list of each kind.
import type {
  Envelope,
  ForwardPath,
  MailParameters,
  RcptParameters,
  Reply,
  ReversePath,
  SessionFacts,
  SignInAnswer,
  SignInAttempt,
  TlsFacts,
} from '../smtp/index.ts';
import type { Mail } from './mail/mail.ts';

/**
 * The answer of a hook: nothing (`undefined`: go on), a reply of 4yz or 5yz (refuse), or a reply in place of the server's: 250, for a
 * recipient or a mail 250 to 252. Any other value is an error: the client gets a 4yz, and observers a
 * `HookAnswerError`. All hooks of a kind must accept: they are called in the order in which they were added, and the
 * first refusal is the reply to the client.
 *
 * For `onConnect` the reply is 220, and its text is said behind the host name and `ESMTP`. For `onHelo` the text of a 250 is said
 * behind the host name. `onSecured` can only refuse.
 *
 * @example
 * const answer: HookAnswer = { code: 550, status: '1.1', text: 'No such mailbox' }; // 550 5.1.1 No such mailbox
 */
export type HookAnswer = Reply | undefined | void;

/**
 * The answer of a sign-in hook: `true` signs the client in under the name that it gave, `false` refuses it with
 * `535 5.7.8`, nothing (`undefined`) leaves the decision to the next hook. A client is signed in when one hook accepted it and
 * none refused it. A `SignInAnswer` says more: another identity, or the verifiers that SCRAM needs. `true` cannot
 * answer SCRAM, whose password the hook never sees, nor a token without a user name. A `Reply` refuses: 4yz or 5yz. Any other value is
 * an error: the client gets `454 4.7.0`, and observers a `HookAnswerError`.
 *
 * @example
 * server.onSignIn(async (attempt) => {
 *   if (attempt.kind !== 'scram') return undefined;
 *   const verifier = await table.get(attempt.username);
 *   return {
 *     kind: 'verify',
 *     verifiers: [verifier],
 *     settle: (proved) =>
 *       proved
 *         ? { kind: 'accept', identity: { username: attempt.username, mechanism: attempt.mechanism } }
 *         : { kind: 'refuse', reply: { code: 535, status: '7.8', text: 'Authentication credentials invalid' } },
 *   };
 * });
 */
export type SignInHookAnswer = SignInAnswer | Reply | boolean | undefined | void;

/**
 * As `HookAnswer`, or one reply for each recipient, in their order and as many. An LMTP client gets each of them, an SMTP client the
 * first refusal.
 */
export type MailHookAnswer = HookAnswer | readonly Reply[];

/** A value that is there at once, or later. */
export type Now<T> = T | Promise<T>;

export type ConnectHook = (session: SessionFacts) => Now<HookAnswer>;
export type HeloHook = (clientDomain: string, session: SessionFacts) => Now<HookAnswer>;
export type SecuredHook = (tls: TlsFacts, session: SessionFacts) => Now<HookAnswer>;
export type SignInHook = (attempt: SignInAttempt, session: SessionFacts) => Now<SignInHookAnswer>;
export type SenderHook = (
  reversePath: ReversePath,
  session: SessionFacts,
  parameters: MailParameters,
) => Now<HookAnswer>;
export type RecipientHook = (
  forwardPath: ForwardPath,
  session: SessionFacts,
  /** What was accepted so far: the recipients do not hold this one. */
  envelope: Envelope,
  parameters: RcptParameters,
) => Now<HookAnswer>;
export type MailHook = (mail: Mail) => Now<MailHookAnswer>;
export type CloseHook = (session: SessionFacts) => Now<void>;

/** The hooks of one server, in the order in which they were added. */
export interface Hooks {
  readonly connect: ConnectHook[];
  readonly secured: SecuredHook[];
  readonly helo: HeloHook[];
  readonly signIn: SignInHook[];
  readonly sender: SenderHook[];
  readonly recipient: RecipientHook[];
  readonly mail: MailHook[];
  readonly close: CloseHook[];
}

export function makeHooks(): Hooks {
  return {
    connect: [],
    secured: [],
    helo: [],
    signIn: [],
    sender: [],
    recipient: [],
    mail: [],
    close: [],
  };
}

/** Whether it is a value that is there later. What the embedder gave may be any thenable, of which only `then` is sure. */
export function isPromise<T>(value: Now<T>): value is Promise<T>;
export function isPromise(value: unknown): value is PromiseLike<unknown>;
export function isPromise(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}
