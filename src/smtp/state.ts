// Where a session is, and which commands may come there (RFC 5321 section 4.1.4).
import type { Envelope, Recipient } from './envelope.ts';
import type { MessageIntake } from './message-intake.ts';
import type { Question } from './question.ts';
import type { Exchange } from './sasl/exchange.ts';

/** From an accepted MAIL to the end of its data, or to RSET. */
export interface Transaction {
  /** The same object throughout; its `recipients` grow. */
  readonly envelope: Envelope;
  readonly recipients: Recipient[];
  /** RCPT commands that were refused: tells DATA without recipients from DATA after refused ones. */
  refusedRecipients: number;
  /** RCPT commands past the limit. */
  recipientsTooMany: number;
}

/** A state owns what is true in it. */
export type State =
  | { readonly name: 'connected' }
  | { readonly name: 'greeted' }
  | { readonly name: 'transaction'; readonly transaction: Transaction }
  | { readonly name: 'data'; readonly transaction: Transaction; readonly intake: MessageIntake }
  | { readonly name: 'exchange'; readonly mechanism: string; readonly exchange: Exchange }
  | {
      readonly name: 'asking';
      /** The command that the question is about. */
      readonly verb: string;
      readonly question: Question;
      /** The state that the answer is acted on in. */
      readonly within: State;
    }
  | { readonly name: 'upgrading' }
  | { readonly name: 'closed' };

export const CONNECTED: State = { name: 'connected' };
export const GREETED: State = { name: 'greeted' };
export const UPGRADING: State = { name: 'upgrading' };
export const CLOSED: State = { name: 'closed' };

/** The states in which each command may come; anywhere else it is 503. */
export const allowedIn = {
  EHLO: ['connected', 'greeted', 'transaction'],
  HELO: ['connected', 'greeted', 'transaction'],
  LHLO: ['connected', 'greeted', 'transaction'],
  STARTTLS: ['connected', 'greeted', 'transaction'],
  AUTH: ['greeted'],
  MAIL: ['greeted'],
  RCPT: ['transaction'],
  DATA: ['transaction'],
  RSET: ['connected', 'greeted', 'transaction'],
  NOOP: ['connected', 'greeted', 'transaction'],
  VRFY: ['connected', 'greeted', 'transaction'],
  EXPN: ['connected', 'greeted', 'transaction'],
  HELP: ['connected', 'greeted', 'transaction'],
  QUIT: ['connected', 'greeted', 'transaction'],
} as const satisfies Record<string, readonly State['name'][]>;

export type Verb = keyof typeof allowedIn;

/** What works before the TLS or the sign-in that a listener requires. */
export const worksUnsecured: ReadonlySet<Verb> = new Set([
  'EHLO',
  'HELO',
  'LHLO',
  'STARTTLS',
  'AUTH',
  'NOOP',
  'QUIT',
]);
