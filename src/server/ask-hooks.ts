// Asks the hooks about a question of the session. Answers that are there at once cost no promise.
import type { Answer, Envelope, Question, Recipient, SignInAnswer } from '../smtp/index.ts';
import {
  type Place,
  repliesByRecipient,
  requireReplies,
  requireReply,
} from './boundary/replies.ts';
import { requireSignInAnswer } from './boundary/sign-in-answers.ts';
import {
  DataContext,
  HeloContext,
  RecipientContext,
  SenderContext,
  SignInContext,
} from './context.ts';
import { failureOf, type Hooks, isPromise, type Now } from './hooks.ts';
import { refusalOf } from './refusal.ts';
import { replies } from './replies.ts';
import type { SessionScope } from './session-scope.ts';

export const ACCEPT: Answer = { kind: 'accept' };

const SIGN_IN_REFUSED: SignInAnswer = { kind: 'refuse', reply: replies.signInRefused };

/** A question for hooks. The others are for a writer, for a mechanism, or for the hook whose `verify` answer came before. */
export type PolicyQuestion = Exclude<
  Question,
  { kind: 'open-message' | 'message' | 'settle-sign-in' | 'sign-in-step' }
>;

/** Puts a question to the hooks of its kind. Where there is none, no context is made. */
export function askPolicy(
  question: PolicyQuestion,
  hooks: Hooks,
  scope: SessionScope,
): Now<Answer | SignInAnswer> {
  switch (question.kind) {
    case 'helo': {
      const { onHelo } = hooks;
      if (onHelo.length === 0) return ACCEPT;
      return askHooks('onHelo', onHelo, new HeloContext(scope, question.clientDomain));
    }
    case 'sign-in': {
      const { onSignIn } = hooks;
      if (onSignIn.length === 0) return SIGN_IN_REFUSED;
      return askSignInHooks(onSignIn, new SignInContext(scope, question.attempt));
    }
    case 'reverse-path': {
      const { onSender } = hooks;
      if (onSender.length === 0) return ACCEPT;
      const { reversePath, parameters } = question;
      return askHooks('onSender', onSender, new SenderContext(scope, reversePath, parameters));
    }
    case 'forward-path': {
      const { onRecipient } = hooks;
      if (onRecipient.length === 0) return ACCEPT;
      const { forwardPath, parameters, envelope } = question;
      const context = new RecipientContext(scope, forwardPath, parameters, envelope);
      return askHooks('onRecipient', onRecipient, context);
    }
  }
}

/** Asks whether a message may come, before anything takes it. */
export function askData({ onData }: Hooks, scope: SessionScope, envelope: Envelope): Now<Answer> {
  return onData.length === 0
    ? ACCEPT
    : askHooks('onData', onData, new DataContext<unknown>(scope, envelope));
}

/**
 * The answer to a question that a hook or a writer failed to answer. The fault is never the client's: 4yz (RFC
 * 5321 section 4.2.1), and the reason is for the log alone.
 */
export function answerToFailure({ kind }: Question): Answer & { kind: 'refuse' } {
  switch (kind) {
    case 'sign-in':
    case 'settle-sign-in':
    case 'sign-in-step':
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
export function toMailAnswer(
  said: unknown,
  place: 'onMail' | 'commit',
  recipients: readonly Recipient[],
): Answer {
  if (said === undefined) return ACCEPT;
  if (Array.isArray(said)) {
    return { kind: 'each', replies: requireReplies(said, place, recipients.length) };
  }
  const replies = place === 'onMail' ? repliesByRecipient(said, place, recipients) : undefined;
  return replies ? { kind: 'each', replies } : toAnswer(said, place);
}

/** What they answer is checked. */
type AnyHooks<C> = readonly ((context: C) => unknown)[];

/** Asks one hook after another; costs no promise where none of them gave one. */
export function askHooks<C>(place: Place, hooks: AnyHooks<C>, context: C): Now<Answer> {
  let own: Answer = ACCEPT;
  let index = 0;
  try {
    for (; index < hooks.length; index++) {
      const said = hooks[index]?.(context);
      if (said === undefined) continue;
      if (isPromise(said)) return askTheRest(place, hooks, context, index, said, own);
      const answer = toAnswer(said, place);
      if (answer.kind === 'refuse') return answer;
      own = answer;
    }
    return own;
  } catch (error) {
    return toRefusal(failureOf(hooks[index], error));
  }
}

async function askTheRest<C>(
  place: Place,
  hooks: AnyHooks<C>,
  context: C,
  from: number,
  first: PromiseLike<unknown>,
  before: Answer,
): Promise<Answer> {
  let own = before;
  let index = from;
  try {
    for (; index < hooks.length; index++) {
      const answer = toAnswer(await (index === from ? first : hooks[index]?.(context)), place);
      if (answer.kind === 'refuse') return answer;
      if (answer !== ACCEPT) own = answer;
    }
    return own;
  } catch (error) {
    return toRefusal(failureOf(hooks[index], error));
  }
}

/** The answer that a thrown `Refusal` is. Throws anything else again. */
export function toRefusal(thrown: unknown): Answer & { kind: 'refuse' } {
  const reply = refusalOf(thrown);
  if (reply === undefined) throw thrown;
  return { kind: 'refuse', reply };
}

/** Asks the sign-in hooks: one must accept, none may refuse. */
export function askSignInHooks(
  hooks: AnyHooks<SignInContext<unknown>>,
  context: SignInContext<unknown>,
): Now<SignInAnswer> {
  const { attempt } = context;
  let accepted: SignInAnswer | undefined;
  let index = 0;
  try {
    for (; index < hooks.length; index++) {
      const said = hooks[index]?.(context);
      if (isPromise(said)) return askTheRestToSignIn(hooks, context, index, said, accepted);
      const answer = requireSignInAnswer(said, attempt, SIGN_IN_REFUSED);
      if (answer?.kind === 'refuse') return answer;
      accepted ??= answer;
    }
    return accepted ?? SIGN_IN_REFUSED;
  } catch (error) {
    return toRefusal(failureOf(hooks[index], error));
  }
}

async function askTheRestToSignIn(
  hooks: AnyHooks<SignInContext<unknown>>,
  context: SignInContext<unknown>,
  from: number,
  first: PromiseLike<unknown>,
  before: SignInAnswer | undefined,
): Promise<SignInAnswer> {
  const { attempt } = context;
  let accepted = before;
  let index = from;
  try {
    for (; index < hooks.length; index++) {
      const said = await (index === from ? first : hooks[index]?.(context));
      const answer = requireSignInAnswer(said, attempt, SIGN_IN_REFUSED);
      if (answer?.kind === 'refuse') return answer;
      accepted ??= answer;
    }
    return accepted ?? SIGN_IN_REFUSED;
  } catch (error) {
    return toRefusal(failureOf(hooks[index], error));
  }
}
