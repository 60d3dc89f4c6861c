// One question to one server: by UDP from a port and with an id that nobody can guess (RFC 5452), by TCP where the answer
// is too long for UDP (RFC 7766) or somebody guesses.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import {
  type Question,
  type ReadResponse,
  type Response,
  readResponse,
  responseCodes,
  writeQuery,
} from './message.ts';
import type { FailureReason } from './resolver.ts';
import type { Server } from './servers.ts';

export type Outcome =
  | { readonly kind: 'response'; readonly response: Response }
  | { readonly kind: 'failed'; readonly reason: Extract<FailureReason, 'garbage' | 'unreachable'> };

/** Answers to something else on one socket, after which the question is asked by TCP. Nobody sends these by chance. */
const FOREIGN_ANSWERS = 3;

const GARBAGE: Outcome = { kind: 'failed', reason: 'garbage' };
const UNREACHABLE: Outcome = { kind: 'failed', reason: 'unreachable' };

/** Under way until `settle` is called, once, or `abort`. Without an answer it never ends by itself. */
export class Exchange {
  readonly #question: Question;
  readonly #server: Server;
  readonly #settle: (outcome: Outcome) => void;
  readonly #foreign: () => void;
  #withEdns = true;
  /** Closes the socket that the question is asked with; `undefined` when the exchange is over. */
  #release: (() => void) | undefined;

  /** `foreign` is called for each message that is not the answer to this question. */
  constructor(
    question: Question,
    server: Server,
    settle: (outcome: Outcome) => void,
    foreign: () => void,
  ) {
    this.#question = question;
    this.#server = server;
    this.#settle = settle;
    this.#foreign = foreign;
    this.#askByUdp();
  }

  abort(): void {
    this.#release?.();
    this.#release = undefined;
  }

  #end(outcome: Outcome): void {
    this.abort();
    this.#settle(outcome);
  }

  #askByUdp(): void {
    const id = randomInt(0x1_0000);
    const { host, port } = this.#server;
    // A socket for each question: the system gives it a random port. Connected, it hears only the server that it asked.
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    let foreign = 0;
    const release = (): void => {
      socket.close();
    };
    this.#release = release;
    socket.on('error', () => {
      if (this.#release === release) this.#end(UNREACHABLE);
    });
    socket.on('message', (message) => {
      if (this.#release !== release) return;
      const read = readResponse(message, this.#question, id);
      if (read.kind === 'foreign') {
        foreign += 1;
        this.#foreign();
        if (foreign < FOREIGN_ANSWERS) return;
      }
      if (read.kind === 'foreign' || read.kind === 'truncated') {
        this.abort();
        this.#askByTcp();
      } else {
        this.#take(read);
      }
    });
    // Not the callback of `connect`, which gets its errors too.
    socket.on('connect', () => {
      if (this.#release === release) socket.send(writeQuery(this.#question, id, this.#withEdns));
    });
    socket.connect(port, host);
  }

  #askByTcp(): void {
    const id = randomInt(0x1_0000);
    const { host, port } = this.#server;
    const socket = connect({ host, port });
    const release = (): void => {
      socket.destroy();
    };
    this.#release = release;
    socket.on('error', () => {
      if (this.#release === release) this.#end(UNREACHABLE);
    });
    socket.on('close', () => {
      if (this.#release === release) this.#end(GARBAGE);
    });
    const query = writeQuery(this.#question, id, this.#withEdns);
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16BE(query.length);
    socket.write(Buffer.concat([prefix, query]));
    const received = new PrefixedMessage();
    socket.on('data', (chunk: Buffer) => {
      if (this.#release !== release) return;
      const message = received.add(chunk);
      if (message !== undefined) this.#take(readResponse(message, this.#question, id));
    });
  }

  #take(read: ReadResponse): void {
    if (read.kind !== 'response') return this.#end(GARBAGE);
    const { code } = read.response;
    const isEdnsRefused =
      code === responseCodes.FORMERR ||
      code === responseCodes.NOTIMP ||
      code === responseCodes.BADVERS;
    if (!isEdnsRefused || !this.#withEdns) {
      return this.#end({ kind: 'response', response: read.response });
    }
    // RFC 6891 section 6.2.2: an old server.
    this.#withEdns = false;
    this.abort();
    this.#askByUdp();
  }
}

/** The first message of a TCP connection, behind the two octets of its length (RFC 1035 section 4.2.2). */
class PrefixedMessage {
  readonly #prefix = Buffer.alloc(2);
  #held = 0;
  #message: Buffer | undefined;

  /** The message, once it is whole. */
  add(chunk: Buffer): Buffer | undefined {
    let rest = chunk;
    if (this.#held < 2) {
      const copied = rest.copy(this.#prefix, this.#held);
      this.#held += copied;
      rest = rest.subarray(copied);
      if (this.#held < 2) return undefined;
    }
    this.#message ??= Buffer.alloc(this.#prefix.readUInt16BE(0));
    this.#held += rest.copy(this.#message, this.#held - 2);
    return this.#held - 2 === this.#message.length ? this.#message : undefined;
  }
}
