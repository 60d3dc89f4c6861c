// Asks the hooks about a question of the session. Answers that are there at once cost no promise.
import type {
  Answer,
  Question,
  Reply,
  SessionFacts,
  SignInAnswer,
  SignInAttempt,
} from '../smtp/index.ts';
import {
  type HookAnswer,
  type Hooks,
  isPromise,
  type MailHookAnswer,
  type Now,
  type SignInHook,
  type SignInHookAnswer,
} from './hooks.ts';
import { replies } from './replies.ts';

export const ACCEPT: Answer = { kind: 'accept' };

const SIGN_IN_REFUSED: SignInAnswer = { kind: 'refuse', reply: replies.signInRefused };

/** One reply, and not one for each recipient. */
export function isReply(said: Reply | readonly Reply[]): said is Reply {
  return 'code' in said;
}

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
      return askHooks(hooks.helo, question.clientDomain, session);
    case 'sign-in':
      return askSignInHooks(hooks.signIn, question.attempt, session);
    case 'reverse-path':
      return askHooks(hooks.sender, question.reversePath, session, question.parameters);
    case 'forward-path': {
      const { forwardPath, envelope, parameters } = question;
      return askHooks(hooks.recipient, forwardPath, session, envelope, parameters);
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

/** A refusal is any reply that is not 2yz. */
export function toAnswer(reply: HookAnswer): Answer {
  if (!reply) return ACCEPT;
  return reply.code < 400 ? { kind: 'accept', reply } : { kind: 'refuse', reply };
}

/** The same for what may also be one reply for each recipient: a mail hook's answer, or a commit's. */
export function toMailAnswer(said: MailHookAnswer): Answer {
  return said && !isReply(said) ? { kind: 'each', replies: said } : toAnswer(said);
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
