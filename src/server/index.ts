export type { OptionProblem } from './boundary/checks.ts';
export type { Certificate } from './certificates.ts';
export {
  AnswerTimeoutError,
  CertificateError,
  HookAnswerError,
  ListenError,
  MailGoneError,
  NodeVersionError,
  NoMailHookError,
  OptionsError,
} from './errors.ts';
export type { CertificateFacts, MessageOutcome, Peer, ServerEvent } from './events.ts';
export type {
  CloseHook,
  ConnectHook,
  HeloHook,
  HookAnswer,
  MailHook,
  MailHookAnswer,
  Now,
  RecipientHook,
  SecuredHook,
  SenderHook,
  SignInHook,
  SignInHookAnswer,
} from './hooks.ts';
export { DEFAULT_LIMITS, type Limits } from './limits.ts';
export type { LoopMail, Mail } from './mail/mail.ts';
export type { Extensions, ListenerOptions, ServerOptions } from './options.ts';
export type { TlsProfile } from './tls-settings.ts';
export { type Closed, type CloseOptions, type ListeningAddress, SmtpServer } from './server.ts';
