// The hooks of a server: what each is called with and may answer, and the list of each kind.
import type { Reply, SignInAnswer } from '../smtp/index.ts';
import type {
  DataContext,
  HeloContext,
  HookContext,
  MailContext,
  RecipientContext,
  SecuredContext,
  SenderContext,
  SignInContext,
} from './context.ts';
import { HookAnswerError } from './errors.ts';
import type { AnyState } from './session-scope.ts';

/**
 * The answer of a hook: nothing (`undefined`: go on), a reply of 4yz or 5yz (refuse), or a reply in place of the server's: 250, for a
 * recipient or a mail 250 to 252. Any other value is an error: the client gets a 4yz, and observers a
 * `HookAnswerError`. All hooks of a kind must accept: they are called in the order in which they were added, and the
 * first refusal is the reply to the client.
 *
 * For `onConnect` the reply is 220, and its text is said behind the host name and `ESMTP`. For `onHelo` the text of a 250 is said
 * behind the host name. `onSecured` and `onData` can only refuse. A `Refusal` that is thrown is the same as its reply returned.
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
 * server.onSignIn(async ({ attempt }) => {
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
 * As `HookAnswer`, or one reply for each recipient: an array in their order, or a Map or an object by `forwardPath.address`. None may be
 * missing, and none be for anybody else. An LMTP client gets each of them, an SMTP client the first refusal.
 *
 * @example
 * server.onMail(async ({ mail, envelope }) => {
 *   const replies = new Map<string, Reply>();
 *   for (const { forwardPath } of envelope.recipients) replies.set(forwardPath.address, await deliver(mail, forwardPath));
 *   return replies;
 * });
 */
export type MailHookAnswer =
  | HookAnswer
  | readonly Reply[]
  | ReadonlyMap<string, Reply>
  | Readonly<Record<string, Reply>>;

/** A value that is there at once, or later. */
export type Now<T> = T | Promise<T>;

export type ConnectHook<State = AnyState> = (context: HookContext<State>) => Now<HookAnswer>;
export type SecuredHook<State = AnyState> = (context: SecuredContext<State>) => Now<HookAnswer>;
export type HeloHook<State = AnyState> = (context: HeloContext<State>) => Now<HookAnswer>;
export type SignInHook<State = AnyState> = (context: SignInContext<State>) => Now<SignInHookAnswer>;
export type SenderHook<State = AnyState> = (context: SenderContext<State>) => Now<HookAnswer>;
export type RecipientHook<State = AnyState> = (context: RecipientContext<State>) => Now<HookAnswer>;
export type DataHook<State = AnyState> = (context: DataContext<State>) => Now<HookAnswer>;
export type MailHook<State = AnyState> = (context: MailContext<State>) => Now<MailHookAnswer>;
export type CloseHook<State = AnyState> = (context: HookContext<State>) => Now<void>;

/**
 * Hooks that belong together, for `server.use`. Each is called with the middleware as its `this`.
 *
 * @example
 * function rateLimit(perMinute: number): Middleware {
 *   const counts = new Map<string, number>();
 *   setInterval(() => counts.clear(), 60_000).unref();
 *   return {
 *     name: 'rate-limit',
 *     onSender({ session, reply }) {
 *       const count = (counts.get(session.clientAddress) ?? 0) + 1;
 *       counts.set(session.clientAddress, count);
 *       if (count > perMinute) return reply(450, '7.1', 'Too many mails, try again later');
 *     },
 *   };
 * }
 */
export interface Middleware<State = AnyState> {
  /** Names it in the messages of a `HookAnswerError` and of `use`. */
  readonly name?: string;
  readonly onConnect?: ConnectHook<State>;
  readonly onSecured?: SecuredHook<State>;
  readonly onHelo?: HeloHook<State>;
  readonly onSignIn?: SignInHook<State>;
  readonly onSender?: SenderHook<State>;
  readonly onRecipient?: RecipientHook<State>;
  readonly onData?: DataHook<State>;
  readonly onMail?: MailHook<State>;
  readonly onClose?: CloseHook<State>;
}

export type HookName = Exclude<keyof Middleware, 'name'>;

/** The hooks of one server, in the order in which they were added. They share their state whatever its type is. */
export type Hooks = { readonly [N in HookName]: NonNullable<Middleware<unknown>[N]>[] };

export function makeHooks(): Hooks {
  return {
    onConnect: [],
    onSecured: [],
    onHelo: [],
    onSignIn: [],
    onSender: [],
    onRecipient: [],
    onData: [],
    onMail: [],
    onClose: [],
  };
}

type AnyHook = (this: unknown, ...context: never[]) => unknown;
const middlewareNames = new WeakMap<object, string>();

/** A hook of a middleware, which is its `this`. */
export function bindHook(hook: AnyHook, middleware: Middleware<never>): AnyHook {
  const bound = hook.bind(middleware) as AnyHook;
  if (middleware.name !== undefined) middlewareNames.set(bound, middleware.name);
  return bound;
}

/** What a hook failed with; where its answer was not valid, with the name of its middleware. */
export function failureOf(hook: object | undefined, error: unknown): unknown {
  const name = hook && middlewareNames.get(hook);
  return name !== undefined && error instanceof HookAnswerError ? error.of(name) : error;
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
