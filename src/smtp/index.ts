export type { Envelope, Recipient } from './envelope.ts';
export type { ForwardPath, Mailbox, ReversePath } from './mailbox.ts';
export type {
  DiscardCause,
  MessageFacts,
  MessageWriter,
  OpenMessage,
  OpenMessageAnswer,
} from './message.ts';
export type { MailParameters, RcptParameters } from './parameters.ts';
export type { Reply } from './reply.ts';
export { Secret } from './secret.ts';
export type { Identity, ProxyFacts, ProxyTlv, SessionFacts, TlsFacts } from './session-facts.ts';
export type { ScramVerifier, SignInAnswer, SignInAttempt } from './sign-in.ts';
export type { Note, Output } from './output.ts';
export type { Answer, Question } from './question.ts';
export type { SessionOptions } from './session-options.ts';
export type { Beginning, ConnectionFacts } from './connection-facts.ts';
export { type Expectation, Session } from './session.ts';
export { renderReply } from './render-reply.ts';
export { sharedReplies } from './replies.ts';
export { knownMechanisms } from './sasl/mechanisms.ts';
export { isSafeName } from './user-name.ts';
export type {
  ChannelBinding,
  ChannelBindingType,
  Exchange,
  ExchangeContext,
  Mechanism,
  SignInQuestion,
  Step,
  StepAnswer,
  Wait,
} from './sasl/exchange.ts';
