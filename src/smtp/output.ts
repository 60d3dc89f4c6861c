import type { DiscardCause } from './message.ts';
import type { Question } from './question.ts';

/** What the session tells the outside world to do, in this order. */
export type Output =
  /** Reply text, whole lines. The connection writes what one turn yields in a single write. */
  | { readonly kind: 'send'; readonly text: string }
  /** Exactly one question is open at a time; nothing more comes until `Session.answer`. */
  | { readonly kind: 'ask'; readonly question: Question }
  /** Message octets, for the writer that the `open-message` question brought. */
  | { readonly kind: 'write-message'; readonly span: Buffer }
  /** Throw the open message away; no `message` question will follow for it. */
  | { readonly kind: 'discard-message'; readonly cause: DiscardCause }
  /** The 220 was said: start the handshake, then call `Session.secured`. */
  | { readonly kind: 'upgrade-tls' }
  /** Worth a log line or a count, never needed for the protocol. Holds no secret and no message octet. */
  | { readonly kind: 'note'; readonly note: Note }
  /** Everything was said: flush and close. */
  | { readonly kind: 'hang-up' };

/** What an operator may want to hear of: one refused command, one sign-in, one way a session ended. */
export type Note =
  | {
      readonly kind: 'refused';
      /** The verb, or `message` for a refusal after the data; never its argument. */
      readonly verb: string;
      readonly code: number;
      /** The rule that refused, kebab-case, as `bare-newline` or `too-many-recipients`. */
      readonly rule: string;
    }
  | { readonly kind: 'signed-in'; readonly mechanism: string; readonly username: string }
  | { readonly kind: 'sign-in-refused'; readonly mechanism: string; readonly code: number }
  | { readonly kind: 'ended'; readonly rule: string };
