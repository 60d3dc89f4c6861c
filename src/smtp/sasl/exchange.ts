// The interface of a SASL mechanism (RFC 4422 section 3): responses in, steps out. An exchange knows its
// mechanism only; the base64, the `334`, the `*`, the limits and the questions are the session's.
import type { Question } from '../question.ts';
import type { Reply } from '../reply.ts';
import type { Identity, SessionFacts } from '../session-facts.ts';
import type { SignInAnswer } from '../sign-in.ts';

/** The questions that an exchange may ask, one at a time. */
export type SignInQuestion = Extract<Question, { kind: 'sign-in' | 'settle-sign-in' }>;

/** What an exchange does next. */
export type Step =
  /** Send `334` with this, in base64, and pass the client's response to `respond`. */
  | { readonly kind: 'challenge'; readonly data: Buffer }
  /** Ask, and pass the answer to `answered`. */
  | { readonly kind: 'ask'; readonly question: SignInQuestion }
  | { readonly kind: 'accept'; readonly identity: Identity }
  /** `rule` names a refusal of the mechanism itself; without it, the answer to a question refused. */
  | { readonly kind: 'refuse'; readonly reply: Reply; readonly rule?: string }
  /** The mechanism does not allow the client's response. */
  | { readonly kind: 'malformed' };

/** The step is not there yet: ask `sign-in-step`, and go on with the answer. For what drives the session: `on` is its own. */
export interface Wait {
  readonly kind: 'wait';
  readonly on: unknown;
}

/** The answer to `sign-in-step`: the step, or a refusal where there is none. */
export type StepAnswer =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'refuse'; readonly reply: Reply };

/** One run of a mechanism, from the AUTH command to its end. */
export interface Exchange {
  /** The AUTH command brought no initial response: the first challenge, which may be empty. */
  begin(): Step | Wait;
  /** The client's response, or its initial response, decoded from base64. */
  respond(response: Buffer): Step | Wait;
  /** The answer to the question that was asked. */
  answered(answer: SignInAnswer): Step | Wait;
}

/** The channel bindings of SCRAM-SHA-256-PLUS (RFC 9266, RFC 5929). */
export type ChannelBindingType = 'tls-exporter' | 'tls-server-end-point';

/** The octets that only the two ends of one TLS connection share; `undefined` if there are none. */
export type ChannelBinding = (type: ChannelBindingType) => Buffer | undefined;

/** What a mechanism knows of the session. */
export interface ExchangeContext {
  readonly facts: SessionFacts;
  /** Absent in the clear, and where the driver cannot tell. */
  readonly channelBinding: ChannelBinding | undefined;
}

/** A SASL mechanism. An embedder adds one in `SessionOptions.customMechanisms`. */
export interface Mechanism {
  /** In capitals, as EHLO shows it. */
  readonly name: string;
  /** Whether it works in this session as it is now; if not, it is neither announced nor accepted. */
  isOffered(context: ExchangeContext): boolean;
  /** `offered` are the names of all mechanisms that the session offers now. */
  start(context: ExchangeContext, offered: readonly string[]): Exchange;
}

/** The step after the answer, for mechanisms that ask one question. */
export function conclude(answer: SignInAnswer): Step {
  if (answer.kind === 'verify') throw new TypeError('sign-in: only SCRAM is answered with verify');
  return answer;
}

export const EMPTY_CHALLENGE: Step = { kind: 'challenge', data: Buffer.alloc(0) };
export const MALFORMED: Step = { kind: 'malformed' };
