// What a session may cost. Every line has a price, whether or not it is refused, and the sum lives as long as the session:
// neither RSET nor EHLO, STARTTLS or XCLIENT makes it smaller.
import type { Verb } from './grammar/command-line.ts';
import type { SessionOptions } from './session-options.ts';

/** A line that brings mail or a sign-in further, and each response of a SASL exchange. */
export const LINE_COST = 1;
/** A command that brings no mail further. */
const IDLE_COST = 10;
/** A refusal, beside the price of its command: it may have been looked up, and it is logged. */
export const REFUSAL_COST = 10;
/** A BDAT of fewer octets costs a line; of a larger one the octets are bounded. */
export const SMALL_CHUNK_OCTETS = 1024;
/** Beyond the commands of all messages that the session may bring. */
const SPARE_COST = 20_000;
/** The lines of a transaction, beside its recipients. */
const TRANSACTION_COST = 20;

const idle: ReadonlySet<Verb> = new Set([
  'EHLO',
  'HELO',
  'LHLO',
  'NOOP',
  'RSET',
  'VRFY',
  'EXPN',
  'HELP',
]);

/** The price of a command line. That of BDAT depends on its argument, and is added where that is read. */
export function costOf(verb: Verb): number {
  if (verb === 'BDAT') return 0;
  return idle.has(verb) ? IDLE_COST : LINE_COST;
}

/** Enough for `maxMessages` messages of `maxRecipients` recipients each, and for much else. By default 32,000. */
export function budgetOf({ maxMessages, maxRecipients }: SessionOptions): number {
  return SPARE_COST + maxMessages * (maxRecipients + TRANSACTION_COST);
}
