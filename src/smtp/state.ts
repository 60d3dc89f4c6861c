// Where a session is, and which commands may come there (RFC 5321 section 4.1.4).
import type { ChunkSize } from './grammar/chunk-size.ts';
import type { Envelope, Recipient } from './envelope.ts';
import type { MessageDecoder } from './data/message-decoder.ts';
import type { Question } from './question.ts';
import type { Dialogue } from './sasl/dialogue.ts';

/** From an accepted MAIL to the end of its data, or to RSET. */
export interface Transaction {
  /** The same object throughout; its `recipients` grow. */
  readonly envelope: Envelope;
  readonly recipients: Recipient[];
  /** RCPT commands that were refused: tells DATA without recipients from DATA after refused ones. */
  refusedRecipients: number;
  /** RCPT commands past the limit. */
  recipientsTooMany: number;
  /** The domains of the recipients, in lower case, where their number is limited. */
  readonly domains: Set<string>;
}

/** A state owns what is true in it. */
export type State =
  | { readonly name: 'connected' }
  | { readonly name: 'greeted' }
  | { readonly name: 'transaction'; readonly transaction: Transaction }
  | { readonly name: 'data'; readonly transaction: Transaction; readonly decoder: MessageDecoder }
  /** Between two chunks of BDAT. */
  | {
      readonly name: 'chunking';
      readonly transaction: Transaction;
      readonly decoder: MessageDecoder;
    }
  /** In a chunk of BDAT that is part of the message. */
  | {
      readonly name: 'chunk';
      readonly transaction: Transaction;
      readonly decoder: MessageDecoder;
      remainingOctets: number;
      readonly isLast: boolean;
    }
  /** In a chunk of BDAT that was refused: its octets must pass before the next command. */
  | { readonly name: 'skipping'; remainingOctets: number; readonly next: State }
  | { readonly name: 'exchange'; readonly dialogue: Dialogue }
  | {
      readonly name: 'asking';
      /** The command that the question is about. */
      readonly verb: string;
      readonly question: Question;
      /** The state that the answer is acted on in. */
      readonly within: State;
      /** The chunk that follows the BDAT command. */
      readonly chunk: ChunkSize | undefined;
    }
  | { readonly name: 'upgrading' }
  | { readonly name: 'closed' };

export const CONNECTED: State = { name: 'connected' };
export const GREETED: State = { name: 'greeted' };
export const UPGRADING: State = { name: 'upgrading' };
export const CLOSED: State = { name: 'closed' };

const anywhere = ['connected', 'greeted', 'transaction', 'chunking'] as const;

/** The states in which each command may come; anywhere else it is 503. */
export const allowedIn = {
  EHLO: anywhere,
  HELO: anywhere,
  LHLO: anywhere,
  STARTTLS: ['connected', 'greeted', 'transaction'],
  XCLIENT: ['connected', 'greeted'],
  AUTH: ['greeted'],
  MAIL: ['greeted'],
  RCPT: ['transaction'],
  DATA: ['transaction'],
  BDAT: ['transaction', 'chunking'],
  RSET: anywhere,
  NOOP: anywhere,
  VRFY: anywhere,
  EXPN: anywhere,
  HELP: anywhere,
  QUIT: anywhere,
} as const satisfies Record<string, readonly State['name'][]>;

export type Verb = keyof typeof allowedIn;

/** What works before the TLS or the sign-in that a listener requires. */
export const worksUnsecured: ReadonlySet<Verb> = new Set([
  'EHLO',
  'HELO',
  'LHLO',
  'STARTTLS',
  'XCLIENT',
  'AUTH',
  'NOOP',
  'QUIT',
]);

/** The transaction of a state that must have one. */
export function transactionOf(state: State): Transaction {
  if (!('transaction' in state)) throw new Error(`no transaction in state ${state.name}`);
  return state.transaction;
}
