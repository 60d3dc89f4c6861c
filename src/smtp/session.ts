import type { Output } from './output.ts';
import type { Answer } from './question.ts';
import type { Reply } from './reply.ts';
import type { SessionFacts, TlsFacts } from './session-facts.ts';
import type { SessionOptions } from './session-options.ts';
import type { SignInAnswer } from './sign-in.ts';

/** What is known of a connection before its greeting. */
export interface ConnectionFacts {
  readonly sessionId: string;
  readonly listener: string;
  readonly clientAddress: string;
  readonly clientPort: number;
}

/** How a session begins. */
export interface Opening {
  /** The TLS of an implicit-TLS listener, whose handshake came first. */
  readonly tls?: TlsFacts;
  /** Said instead of the greeting, and then the session ends (421, 554). */
  readonly refusal?: Reply;
}

/** What the session waits for. */
export type Expectation = 'input' | 'answer' | 'handshake' | 'nothing';

/** One SMTP session, from the greeting to the end, without socket, clock or promise. */
export class Session {
  readonly #options: SessionOptions;
  readonly #facts: SessionFacts;

  constructor(options: SessionOptions, connection: ConnectionFacts) {
    this.#options = options;
    this.#facts = {
      sessionId: connection.sessionId,
      listener: connection.listener,
      clientAddress: connection.clientAddress,
      clientPort: connection.clientPort,
      clientDomain: '',
      protocol: 'SMTP',
      tls: null,
      identity: null,
    };
  }

  /** The greeting, or the refusal that takes its place. */
  begin(opening: Opening = {}): Output[] {
    return [
      {
        kind: 'send',
        text: opening.refusal
          ? `${opening.refusal.code}\r\n`
          : `220 ${this.#options.hostname} ESMTP\r\n`,
      },
    ];
  }

  /** Takes bytes from the client. While a question is open they are held: see `pendingOctets`. */
  receive(_chunk: Buffer): Output[] {
    return [];
  }

  /** Takes the answer to the one open question, and goes on with the bytes held. */
  answer(_answer: Answer | SignInAnswer): Output[] {
    return [];
  }

  /** The handshake that `upgrade-tls` asked for is finished. */
  secured(_tls: TlsFacts): Output[] {
    return [];
  }

  /** The client was idle for too long: 421 and hang-up. */
  expire(): Output[] {
    return [];
  }

  /** The server is closing: 421 now at an idle point, else at the next one. */
  drain(): Output[] {
    return [];
  }

  /** The connection is gone: nothing can be said any more. */
  lost(): Output[] {
    return [];
  }

  get expects(): Expectation {
    return 'input';
  }

  /** A snapshot, the same object until something changes. */
  get facts(): SessionFacts {
    return this.#facts;
  }

  /** Octets that are held unread; past one command group the driver stops reading. */
  get pendingOctets(): number {
    return 0;
  }

  /** Whether a message is on its way in: between the 354, or the first BDAT, and the end of the data. */
  get isInMessage(): boolean {
    return false;
  }
}
