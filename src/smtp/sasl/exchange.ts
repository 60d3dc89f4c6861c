// What every SASL mechanism is (RFC 4422 section 3): responses in, steps out. The session does the base64,
// the `334`, the `*` and the limits, and asks the questions; an exchange only understands its mechanism.
import type { Question } from '../question.ts';
import type { Reply } from '../reply.ts';
import type { Identity, SessionFacts } from '../session-facts.ts';
import type { SignInAnswer } from '../sign-in.ts';

/** The questions that an exchange may ask, one at a time. */
export type SignInQuestion = Extract<Question, { kind: 'sign-in' | 'settle-sign-in' }>;

/** What an exchange wants to happen next. */
export type Step =
  /** Say `334` with this, in base64, and give the client's response to `respond`. */
  | { readonly kind: 'challenge'; readonly data: Buffer }
  /** Ask, and give the answer to `answered`. */
  | { readonly kind: 'ask'; readonly question: SignInQuestion }
  | { readonly kind: 'accept'; readonly identity: Identity }
  /** `rule` names the refusal where it is the mechanism's own; without it the answer to a question refused. */
  | { readonly kind: 'refuse'; readonly reply: Reply; readonly rule?: string }
  /** The client's response is not what the mechanism allows. */
  | { readonly kind: 'malformed' };

/** One run of a mechanism, from the AUTH command to its end. */
export interface Exchange {
  /** The AUTH command brought no initial response: the first challenge, which may be empty. */
  begin(): Step;
  /** The client's response, or its initial response, out of base64. */
  respond(response: Buffer): Step;
  /** The answer to the question that was asked. */
  answered(answer: SignInAnswer): Step;
}

/** The kinds of channel binding that SCRAM-SHA-256-PLUS takes (RFC 9266, RFC 5929). */
export type ChannelBindingType = 'tls-exporter' | 'tls-server-end-point';

/** The octets that are the same at both ends of one TLS connection and no other; nothing if there are none. */
export type ChannelBinding = (type: ChannelBindingType) => Buffer | undefined;

/** What a mechanism may know of the session. */
export interface ExchangeContext {
  readonly facts: SessionFacts;
  /** Absent in the clear, and where the driver cannot tell. */
  readonly channelBinding: ChannelBinding | undefined;
}

/** A SASL mechanism. An embedder adds one by naming it in `SessionOptions.customMechanisms`. */
export interface Mechanism {
  /** In capitals, as EHLO shows it. */
  readonly name: string;
  /** Whether it works on this session as it is now; if not it is neither shown nor taken. */
  isOffered(context: ExchangeContext): boolean;
  /** `offered` are the names of all the mechanisms that the session offers now. */
  start(context: ExchangeContext, offered: readonly string[]): Exchange;
}

/** The step that follows a final answer, for the mechanisms that ask but once. */
export function conclude(answer: SignInAnswer): Step {
  if (answer.kind === 'verify') throw new TypeError('sign-in: only SCRAM is answered with verify');
  return answer;
}

export const EMPTY_CHALLENGE: Step = { kind: 'challenge', data: Buffer.alloc(0) };
export const MALFORMED: Step = { kind: 'malformed' };
