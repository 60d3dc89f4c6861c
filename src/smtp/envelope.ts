import type { ForwardPath, ReversePath } from './mailbox.ts';
import type { MailParameters, RcptParameters } from './parameters.ts';

/** One accepted RCPT command. */
export interface Recipient {
  readonly forwardPath: ForwardPath;
  readonly parameters: RcptParameters;
}

/** Reverse-path and forward-paths of one transaction, with their parameters (RFC 5321 section 2.3.1). */
export interface Envelope {
  readonly reversePath: ReversePath;
  readonly parameters: MailParameters;
  /**
   * An address has characters that are not ASCII although MAIL came without SMTPUTF8 (RFC 6531 section 3.1). Absent
   * elsewhere.
   */
  readonly undeclaredUtf8?: true;
  /** In the order of their RCPT commands; not empty once the message is opened. */
  readonly recipients: readonly Recipient[];
}
