import type {
  Answer,
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
import { replies } from './replies.ts';

/**
 * What a hook says: nothing (go on), a reply of 4yz or 5yz (refuse), or a reply of its own of 2yz. All hooks of
 * a kind must agree: they are asked in the order in which they were added, and the first refusal is what the
 * client hears.
 *
 * @example
 * const answer: HookAnswer = { code: 550, status: '1.1', text: 'No such mailbox' }; // 550 5.1.1 No such mailbox
 */
export type HookAnswer = Reply | undefined | void;

/**
 * What a sign-in hook says: `true` signs the client in under the name it gave, `false` refuses it with `535
 * 5.7.8`, nothing leaves it to the next hook. A client is signed in when one hook said so and none refused. A
 * `SignInAnswer` says more: another identity, or the verifiers that SCRAM needs. `true` is no answer to SCRAM,
 * whose password the hook never sees.
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

/** As `HookAnswer`; on an LMTP listener also one reply for each recipient, in their order. */
export type MailHookAnswer = HookAnswer | readonly Reply[];

/** Given at once, or later. */
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

export const ACCEPT: Answer = { kind: 'accept' };

const SIGN_IN_REFUSED: SignInAnswer = { kind: 'refuse', reply: replies.signInRefused };

export function isPromise<T>(value: Now<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** A refusal is any reply that is not 2yz. */
export function toAnswer(reply: HookAnswer): Answer {
  if (!reply) return ACCEPT;
  return reply.code < 400 ? { kind: 'accept', reply } : { kind: 'refuse', reply };
}

/** Asks one hook after another; costs no promise where none of them gave one. */
export function askHooks<A extends readonly unknown[]>(
  hooks: readonly ((...args: A) => Now<HookAnswer>)[],
  ...args: A
): Now<Answer> {
  let own: Answer = ACCEPT;
  for (let index = 0; index < hooks.length; index++) {
    const said = hooks[index]?.(...args);
    if (isPromise(said)) return askTheRest(hooks, args, index, said, own);
    const answer = toAnswer(said);
    if (answer.kind === 'refuse') return answer;
    if (answer !== ACCEPT) own = answer;
  }
  return own;
}

async function askTheRest<A extends readonly unknown[]>(
  hooks: readonly ((...args: A) => Now<HookAnswer>)[],
  args: A,
  from: number,
  first: Promise<HookAnswer>,
  before: Answer,
): Promise<Answer> {
  let own = before;
  for (let index = from; index < hooks.length; index++) {
    const answer = toAnswer(await (index === from ? first : hooks[index]?.(...args)));
    if (answer.kind === 'refuse') return answer;
    if (answer !== ACCEPT) own = answer;
  }
  return own;
}

/** Asks the sign-in hooks: one must accept, none may refuse. */
export function askSignInHooks(
  hooks: readonly SignInHook[],
  attempt: SignInAttempt,
  session: SessionFacts,
): Now<SignInAnswer> {
  let accepted: SignInAnswer | undefined;
  for (let index = 0; index < hooks.length; index++) {
    const said = hooks[index]?.(attempt, session);
    if (isPromise(said)) return askTheRestToSignIn(hooks, attempt, session, index, said, accepted);
    const answer = toSignInAnswer(said, attempt);
    if (answer?.kind === 'refuse') return answer;
    accepted ??= answer;
  }
  return accepted ?? SIGN_IN_REFUSED;
}

async function askTheRestToSignIn(
  hooks: readonly SignInHook[],
  attempt: SignInAttempt,
  session: SessionFacts,
  from: number,
  first: Promise<SignInHookAnswer>,
  before: SignInAnswer | undefined,
): Promise<SignInAnswer> {
  let accepted = before;
  for (let index = from; index < hooks.length; index++) {
    const said = await (index === from ? first : hooks[index]?.(attempt, session));
    const answer = toSignInAnswer(said, attempt);
    if (answer?.kind === 'refuse') return answer;
    accepted ??= answer;
  }
  return accepted ?? SIGN_IN_REFUSED;
}

function toSignInAnswer(said: SignInHookAnswer, attempt: SignInAttempt): SignInAnswer | undefined {
  if (said === undefined) return undefined;
  if (said === false) return SIGN_IN_REFUSED;
  if (said === true) {
    if (attempt.kind === 'scram') return SIGN_IN_REFUSED;
    const username = attempt.kind === 'certificate' ? nameOf(attempt) : attempt.username;
    return { kind: 'accept', identity: { username, mechanism: attempt.mechanism } };
  }
  if ('kind' in said) return said;
  return said.code < 400 ? undefined : { kind: 'refuse', reply: said };
}

function nameOf(attempt: SignInAttempt & { kind: 'certificate' }): string {
  return attempt.authorizationId === '' ? attempt.subject : attempt.authorizationId;
}
