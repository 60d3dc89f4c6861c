// The library: what `import … from "mailsluice"` gives.
export * from './server/index.ts';
export {
  type DiscardCause,
  type Envelope,
  type ForwardPath,
  type Identity,
  type Mailbox,
  type MailParameters,
  type MessageFacts,
  type MessageWriter,
  type Note,
  type OpenMessage,
  type RcptParameters,
  type Recipient,
  type Reply,
  type ReversePath,
  type ScramVerifier,
  Secret,
  type SessionFacts,
  type SignInAnswer,
  type SignInAttempt,
  type TlsFacts,
} from './smtp/index.ts';
