// Asks the hooks about a question of the session. Answers that are there at once cost no promise.
import type { Answer, Question, SessionFacts, SignInAnswer, SignInAttempt } from '../smtp/index.ts';
import { type Place, requireReplies, requireReply } from './boundary/replies.ts';
import { requireSignInAnswer } from './boundary/sign-in-answers.ts';
import { type Hooks, isPromise, type Now, type SignInHook } from './hooks.ts';
import { replies } from './replies.ts';

export const ACCEPT: Answer = { kind: 'accept' };

const SIGN_IN_REFUSED: SignInAnswer = { kind: 'refuse', reply: replies.signInRefused };

/** A question for hooks. The others are for a writer, or for the hook whose `verify` answer came before. */
export type PolicyQuestion = Exclude<
  Question,
  { kind: 'open-message' | 'message' | 'settle-sign-in' }
>;

/** Puts a question to the hooks of its kind. */
export function askPolicy(
  question: PolicyQuestion,
  hooks: Hooks,
  session: SessionFacts,
): Now<Answer | SignInAnswer> {
  switch (question.kind) {
    case 'helo':
      return askHooks('onHelo', hooks.helo, question.clientDomain, session);
    case 'sign-in':
      return askSignInHooks(hooks.signIn, question.attempt, session);
    case 'reverse-path':
      return askHooks('onSender', hooks.sender, question.reversePath, session, question.parameters);
    case 'forward-path': {
      const { forwardPath, envelope, parameters } = question;
      return askHooks('onRecipient', hooks.recipient, forwardPath, session, envelope, parameters);
    }
  }
}

/**
 * The answer to a question that a hook or a writer failed to answer. The fault is never the client's: 4yz (RFC
 * 5321 section 4.2.1), and the reason is for the log alone.
 */
export function answerToFailure({ kind }: Question): Answer & { kind: 'refuse' } {
  switch (kind) {
    case 'sign-in':
    case 'settle-sign-in':
      return { kind: 'refuse', reply: replies.signInHookFailed };
    case 'message':
      return { kind: 'refuse', reply: replies.messageNotStored };
    case 'helo':
    case 'reverse-path':
    case 'forward-path':
    case 'open-message':
      return { kind: 'refuse', reply: replies.hookFailed };
  }
}

/** What a hook said, checked: nothing, or a reply of which 4yz and 5yz refuse. Throws a `HookAnswerError`. */
export function toAnswer(said: unknown, place: Place): Answer {
  if (said === undefined) return ACCEPT;
  const reply = requireReply(said, place);
  return { kind: reply.code < 400 ? 'accept' : 'refuse', reply };
}

/** The same for what may also be one reply for each recipient: a mail hook's answer, or a commit's. */
export function toMailAnswer(said: unknown, place: Place, recipients: number): Answer {
  return Array.isArray(said)
    ? { kind: 'each', replies: requireReplies(said, place, recipients) }
    : toAnswer(said, place);
}

/** Hooks of one kind: what they answer is checked. */
type AnyHooks<A extends readonly unknown[]> = readonly ((...args: A) => unknown)[];

/** Asks one hook after another; costs no promise where none of them gave one. */
export function askHooks<A extends readonly unknown[]>(
  place: Place,
  hooks: AnyHooks<A>,
  ...args: A
): Now<Answer> {
  let own: Answer = ACCEPT;
  for (let index = 0; index < hooks.length; index++) {
    const said = hooks[index]?.(...args);
    if (said === undefined) continue;
    if (isPromise(said)) return askTheRest(place, hooks, args, index, said, own);
    const answer = toAnswer(said, place);
    if (answer.kind === 'refuse') return answer;
    own = answer;
  }
  return own;
}

async function askTheRest<A extends readonly unknown[]>(
  place: Place,
  hooks: AnyHooks<A>,
  args: A,
  from: number,
  first: PromiseLike<unknown>,
  before: Answer,
): Promise<Answer> {
  let own = before;
  for (let index = from; index < hooks.length; index++) {
    const answer = toAnswer(await (index === from ? first : hooks[index]?.(...args)), place);
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
    const said: unknown = hooks[index]?.(attempt, session);
    if (isPromise(said)) return askTheRestToSignIn(hooks, attempt, session, index, said, accepted);
    const answer = requireSignInAnswer(said, attempt, SIGN_IN_REFUSED);
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
  first: PromiseLike<unknown>,
  before: SignInAnswer | undefined,
): Promise<SignInAnswer> {
  let accepted = before;
  for (let index = from; index < hooks.length; index++) {
    const said: unknown = await (index === from ? first : hooks[index]?.(attempt, session));
    const answer = requireSignInAnswer(said, attempt, SIGN_IN_REFUSED);
    if (answer?.kind === 'refuse') return answer;
    accepted ??= answer;
  }
  return accepted ?? SIGN_IN_REFUSED;
}
