export type { Certificate } from './certificates.ts';
export type { HandedOver, InjectOptions } from './boundary/handover.ts';
export type { Closed, CloseOptions } from './closing.ts';
export type {
  DataContext,
  HeloContext,
  HookContext,
  MailContext,
  RecipientContext,
  SecuredContext,
  SenderContext,
  SignInContext,
} from './context.ts';
export {
  AnswerTimeoutError,
  CertificateError,
  HookAnswerError,
  ListenError,
  MailGoneError,
  MailparserMissingError,
  NodeVersionError,
  NoMailHookError,
  type OptionProblem,
  OptionsError,
} from './errors.ts';
export type { CertificateFacts, MessageOutcome, Peer, ServerEvent } from './events.ts';
export type {
  CloseHook,
  ConnectHook,
  DataHook,
  HeloHook,
  HookAnswer,
  MailHook,
  MailHookAnswer,
  Middleware,
  Now,
  RecipientHook,
  SecuredHook,
  SenderHook,
  SignInHook,
  SignInHookAnswer,
} from './hooks.ts';
export type { InjectedScript } from './inject/inject.ts';
export type { InjectedCommand, InjectedReply, Transcript } from './inject/transcript.ts';
export { DEFAULT_LIMITS, type Limits } from './limits.ts';
export type { ListeningAddress } from './listeners.ts';
export type { LoopMail, Mail } from './mail/mail.ts';
export type { OpenSession } from './open-session.ts';
export type { Extensions, ListenerOptions, ServerOptions } from './options.ts';
export type { Exchange, Mechanism } from './mechanism.ts';
export { Refusal } from './refusal.ts';
export type { AnyState } from './session-scope.ts';
export type { TlsProfile } from './tls-settings.ts';
export { SmtpServer } from './server.ts';
