import type { DiscardCause } from './message.ts';
import type { Question } from './question.ts';

/** What the outside world must do, in this order: plain values. */
export type Output =
  /** Reply text, whole lines. The driver writes the text of one turn in a single write. */
  | { readonly kind: 'send'; readonly text: string }
  /** One question is pending at a time; nothing more comes until `Session.answer`. */
  | { readonly kind: 'ask'; readonly question: Question }
  /**
   * Message octets, for the writer that the `open-message` question brought. `received`: what the client sent in their
   * place, where line ends were normalized.
   */
  | { readonly kind: 'write-message'; readonly span: Buffer; readonly received?: Buffer }
  /** Throw the message away; no `message` question will follow for it. */
  | { readonly kind: 'discard-message'; readonly cause: DiscardCause }
  /** The 220 was sent: start the handshake, then call `Session.secured`. */
  | { readonly kind: 'upgrade-tls' }
  /** For logs and metrics, never needed for the protocol. Holds no secret and no message octet. */
  | { readonly kind: 'note'; readonly note: Note }
  /** Much was read at once: let other connections have their turn, then call `Session.resume`. */
  | { readonly kind: 'give-way' }
  /**
   * All output was given: flush and close. `isAgreed`: the client said QUIT and sent nothing behind it, so there is nothing to wait
   * for; otherwise a close at once could reset the connection before the client has read the last reply.
   */
  | { readonly kind: 'hang-up'; readonly isAgreed: boolean };

/** An event that operators may want to see: a refused command, a sign-in, the end of the session. */
export type Note =
  | {
      readonly kind: 'refused';
      /** The verb, or `message` for a refusal after the data. */
      readonly verb: string;
      readonly code: number;
      /** The rule that refused, kebab-case, as `bare-newline` or `too-many-recipients`. */
      readonly rule: string;
      /** The name in the last EHLO, HELO or LHLO that was accepted, as sent. */
      readonly clientDomain?: string;
      /**
       * Of the commands that name a client, an address or a size: what was refused, as sent, cut to 1,024 characters. Never
       * that of AUTH or of a line that is no command, which may be a password.
       */
      readonly argument?: string;
    }
  | { readonly kind: 'signed-in'; readonly mechanism: string; readonly username: string }
  | { readonly kind: 'sign-in-refused'; readonly mechanism: string; readonly code: number }
  | { readonly kind: 'ended'; readonly rule: string }
  /** Only with `notesDialogue`: a line of the client. `***` stands for what may be a credential. */
  | { readonly kind: 'command'; readonly line: string }
  /** Only with `notesDialogue`: a reply, its lines separated by CRLF. */
  | { readonly kind: 'reply'; readonly text: string };
