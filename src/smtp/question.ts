import type { Envelope } from './envelope.ts';
import type { ForwardPath, ReversePath } from './mailbox.ts';
import type { MailParameters, RcptParameters } from './parameters.ts';
import type { Reply } from './reply.ts';
import type { ScramVerifier, SignInAttempt } from './sign-in.ts';

/** What only the outside world can decide: plain values. Every question has exactly one answer. */
export type Question =
  /** EHLO, HELO or LHLO named the client. */
  | { readonly kind: 'helo'; readonly clientDomain: string }
  | { readonly kind: 'sign-in'; readonly attempt: SignInAttempt }
  /**
   * The client's proof was checked; `fitting` is the verifier that it fits. The answer is the result of
   * `settle(proved, fitting)` of the `verify` answer before.
   */
  | {
      readonly kind: 'settle-sign-in';
      readonly proved: boolean;
      readonly fitting?: ScramVerifier;
    }
  /** An exchange waits for something of its own, `on`, which is not the session's. The answer is its next step. */
  | { readonly kind: 'sign-in-step'; readonly on: unknown }
  | {
      readonly kind: 'reverse-path';
      readonly reversePath: ReversePath;
      readonly parameters: MailParameters;
    }
  | {
      readonly kind: 'forward-path';
      readonly forwardPath: ForwardPath;
      readonly parameters: RcptParameters;
      /** What was accepted so far in this transaction. */
      readonly envelope: Envelope;
    }
  /** May the message come? Asked before the 354, or at the first BDAT. */
  | { readonly kind: 'open-message'; readonly envelope: Envelope }
  /** All of it came: is it taken? The 250 waits for this answer. */
  | { readonly kind: 'message'; readonly envelope: Envelope; readonly sizeInOctets: number };

/** The answer to any question but those of a sign-in. */
export type Answer =
  /** Go on, with the session's own reply or with this one. */
  | { readonly kind: 'accept'; readonly reply?: Reply }
  /** A reply of 421 also ends the session (RFC 5321 section 3.8). */
  | { readonly kind: 'refuse'; readonly reply: Reply }
  /** LMTP only: one reply for each recipient, in their order, to the `message` question. */
  | { readonly kind: 'each'; readonly replies: readonly Reply[] };
