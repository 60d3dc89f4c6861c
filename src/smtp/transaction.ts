// A mail transaction: from an accepted MAIL to the end of its data, or to RSET.
import { isAsciiBetween } from './grammar/path.ts';
import type { Envelope, Recipient } from './envelope.ts';
import type { ReversePath } from './mailbox.ts';
import type { MailParameters } from './parameters.ts';
import type { Rule } from './replies.ts';

export interface Transaction {
  /** The same object throughout; its `recipients` grow. */
  readonly envelope: Envelope & { undeclaredUtf8?: true };
  readonly recipients: Recipient[];
  /** RCPT commands that were refused: tells DATA without recipients from DATA after refused ones. */
  refusedRecipients: number;
  /** The domains of the recipients, in lower case. Made where their number is limited. */
  domains: Set<string> | undefined;
}

export function newTransaction(reversePath: ReversePath, parameters: MailParameters): Transaction {
  const recipients: Recipient[] = [];
  const envelope = { reversePath, parameters, recipients };
  return { envelope, recipients, refusedRecipients: 0, domains: undefined };
}

/** Notes that an accepted address is not ASCII, where the client did not say SMTPUTF8. */
export function noteUndeclaredUtf8({ envelope }: Transaction, path: ReversePath): void {
  if (envelope.parameters.smtpUtf8 === true || path === null) return;
  if (!isAsciiBetween(path.address, 0, path.address.length)) envelope.undeclaredUtf8 = true;
}

/** The rule that refuses a message in this transaction as it is now. */
export function ruleAgainstMessage(transaction: Transaction): Rule | undefined {
  const { recipients, refusedRecipients } = transaction;
  if (recipients.length > 0) return undefined;
  return refusedRecipients > 0 ? 'no-recipients' : 'bad-sequence';
}
