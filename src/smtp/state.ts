// The states of a session, and one table of what may happen in each and where it leads (RFC 5321 section
// 4.1.4). The session takes every step through `state-machine.ts`, which compiles the table; a command that has no
// entry in the row of its state is answered 503. The diagram in ARCHITECTURE.md is made from the table.
import type { ChunkSize } from './grammar/chunk-size.ts';
import type { Verb } from './grammar/command-line.ts';
import type { MessageDecoder } from './data/message-decoder.ts';
import type { Question } from './question.ts';
import type { Exchange } from './sasl/exchange.ts';
import type { Transaction } from './transaction.ts';

/** A state owns what is true in it. */
export type State =
  /** Before EHLO. */
  | { readonly name: 'connected' }
  | { readonly name: 'greeted' }
  | { readonly name: 'transaction'; readonly transaction: Transaction }
  /** Between the 354 and the end of the data. */
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
  | { readonly name: 'skipping'; remainingOctets: number; readonly back: State }
  /** Between AUTH and its last reply. */
  | { readonly name: 'exchange'; readonly mechanism: string; readonly exchange: Exchange }
  /** Until the pending question is answered. */
  | {
      readonly name: 'asking';
      /** The command that the question is about. */
      readonly verb: Verb;
      readonly question: Question;
      readonly back: State;
      /** The chunk that follows the BDAT command. */
      readonly chunk: ChunkSize | undefined;
    }
  /** Between the 220 of STARTTLS and the end of the handshake. */
  | { readonly name: 'upgrading' }
  | { readonly name: 'closed' };

export type StateName = State['name'];

/** The states in which a silent client may be interrupted: no octet of a message that was accepted is due. */
export const interruptible: ReadonlySet<StateName> = new Set([
  'connected',
  'greeted',
  'transaction',
  'chunking',
  'skipping',
  'exchange',
]);

/** What happens to a session: a command that is accepted, or one of the others. Its number is its column. */
export const Event = {
  EHLO: 0,
  HELO: 1,
  LHLO: 2,
  STARTTLS: 3,
  XCLIENT: 4,
  AUTH: 5,
  MAIL: 6,
  RCPT: 7,
  DATA: 8,
  BDAT: 9,
  RSET: 10,
  NOOP: 11,
  VRFY: 12,
  EXPN: 13,
  HELP: 14,
  QUIT: 15,
  /** A question must be answered first. */
  question: 16,
  /** It is answered. Whether the command is accepted comes after. */
  answer: 17,
  /** The exchange of AUTH came to its end: signed in, refused or broken off. */
  'exchange-over': 18,
  /** The message may not come, or a rule was broken in a chunk before the last. */
  'message-refused': 19,
  /** A chunk came whole, and more will follow. */
  'chunk-received': 20,
  /** All of the message came. */
  'message-received': 21,
  /** The chunk of a refused BDAT follows. */
  'chunk-refused': 22,
  /** It has passed. */
  'chunk-skipped': 23,
  /** The TLS handshake is finished. */
  secured: 24,
  /** The session ended by itself, or the connection was lost. */
  ended: 25,
} as const satisfies Readonly<Record<Verb, number>> & Readonly<Record<string, number>>;

export type EventName = keyof typeof Event;
export type Event = (typeof Event)[EventName];

/** A state, or the state that was left for this one. */
export type Target = StateName | 'back';

export type Transitions = Readonly<Record<StateName, Readonly<Partial<Record<EventName, Target>>>>>;

/** For each state, what may happen in it and which state that leads to. */
export const transitions: Transitions = {
  connected: {
    EHLO: 'greeted',
    HELO: 'greeted',
    LHLO: 'greeted',
    STARTTLS: 'upgrading',
    XCLIENT: 'connected',
    RSET: 'connected',
    NOOP: 'connected',
    VRFY: 'connected',
    EXPN: 'connected',
    HELP: 'connected',
    QUIT: 'closed',
    question: 'asking',
    'chunk-refused': 'skipping',
    ended: 'closed',
  },
  greeted: {
    EHLO: 'greeted',
    HELO: 'greeted',
    LHLO: 'greeted',
    STARTTLS: 'upgrading',
    XCLIENT: 'connected',
    AUTH: 'exchange',
    MAIL: 'transaction',
    RSET: 'greeted',
    NOOP: 'greeted',
    VRFY: 'greeted',
    EXPN: 'greeted',
    HELP: 'greeted',
    QUIT: 'closed',
    question: 'asking',
    'chunk-refused': 'skipping',
    ended: 'closed',
  },
  transaction: {
    EHLO: 'greeted',
    HELO: 'greeted',
    LHLO: 'greeted',
    STARTTLS: 'upgrading',
    RCPT: 'transaction',
    DATA: 'data',
    BDAT: 'chunk',
    RSET: 'greeted',
    NOOP: 'transaction',
    VRFY: 'transaction',
    EXPN: 'transaction',
    HELP: 'transaction',
    QUIT: 'closed',
    question: 'asking',
    'message-refused': 'greeted',
    'chunk-refused': 'skipping',
    ended: 'closed',
  },
  data: { 'message-received': 'greeted', ended: 'closed' },
  chunk: {
    'chunk-received': 'chunking',
    'message-received': 'greeted',
    'message-refused': 'greeted',
    ended: 'closed',
  },
  chunking: {
    EHLO: 'greeted',
    HELO: 'greeted',
    LHLO: 'greeted',
    BDAT: 'chunk',
    RSET: 'greeted',
    NOOP: 'chunking',
    VRFY: 'chunking',
    EXPN: 'chunking',
    HELP: 'chunking',
    QUIT: 'closed',
    question: 'asking',
    'chunk-refused': 'skipping',
    ended: 'closed',
  },
  skipping: { 'chunk-skipped': 'back', ended: 'closed' },
  exchange: { question: 'asking', 'exchange-over': 'greeted', ended: 'closed' },
  asking: { answer: 'back', ended: 'closed' },
  upgrading: { secured: 'connected', ended: 'closed' },
  closed: {},
};

export const CONNECTED: State = { name: 'connected' };
export const GREETED: State = { name: 'greeted' };

/** The states that hold nothing, made once. */
export const plainStates: Readonly<Partial<Record<StateName, State>>> = {
  connected: CONNECTED,
  greeted: GREETED,
  upgrading: { name: 'upgrading' },
  closed: { name: 'closed' },
};

/** The transaction of a state that must have one. */
export function transactionOf(state: State): Transaction {
  if (!('transaction' in state)) throw new Error(`no transaction in state ${state.name}`);
  return state.transaction;
}
