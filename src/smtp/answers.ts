// The replies that an answer amounts to.
import type { Answer, Question } from './question.ts';
import { sharedReplies } from './replies.ts';
import type { Reply } from './reply.ts';
import type { StepAnswer } from './sasl/exchange.ts';
import type { SignInAnswer } from './sign-in.ts';

/** The reply with which an answer refuses, or nothing if it accepts. */
export function refusalIn(answer: Exclude<Answer, { kind: 'each' }>): Reply | undefined {
  const { reply } = answer;
  if (reply !== undefined && reply.code >= 400) return reply;
  return answer.kind === 'refuse' ? asRefusal(answer.reply) : undefined;
}

/** A refusal with 2yz or 3yz is a fault of ours, and so it becomes a temporary one. */
export function asRefusal(reply: Reply, failure: Reply = sharedReplies.temporaryFailure): Reply {
  return reply.code >= 400 ? reply : failure;
}

/** The replies to a message: one, or in LMTP one for each recipient (RFC 2033 section 4.2). */
export function repliesToMessage(
  answer: Answer,
  recipients: number,
  isLmtp: boolean,
  accepted: Reply,
): readonly Reply[] {
  const { messageNotStored } = sharedReplies;
  // Which of them is meant for whom cannot be known.
  const isComplete = answer.kind !== 'each' || answer.replies.length === recipients;
  if (answer.kind === 'each' && isComplete && isLmtp) return answer.replies;
  // One reply for all: a refusal if there is one, because SMTP cannot accept for a part of the recipients.
  const reply = !isComplete
    ? messageNotStored
    : answer.kind === 'each'
      ? (answer.replies.find(({ code }) => code >= 400) ?? answer.replies[0])
      : (refusalIn(answer) ?? answer.reply);
  if (!isLmtp) return [reply ?? accepted];
  return Array<Reply>(recipients).fill(reply ?? accepted);
}

type AnyAnswer = Answer | SignInAnswer | StepAnswer;

export function isAnswer(answer: AnyAnswer): answer is Answer {
  return answer.kind !== 'verify' && answer.kind !== 'step' && !('identity' in answer);
}

export function isSignInAnswer(answer: AnyAnswer): answer is SignInAnswer {
  return answer.kind === 'verify' || answer.kind === 'refuse' || 'identity' in answer;
}

export function isStepAnswer(answer: AnyAnswer): answer is StepAnswer {
  return answer.kind === 'step' || answer.kind === 'refuse';
}

/** An answer to another kind of question is the caller's mistake. */
export function wrongAnswer(question: Question): TypeError {
  return new TypeError(`Session.answer: not an answer to a ${question.kind} question`);
}
