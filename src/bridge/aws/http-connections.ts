// Keep-alive connections to one endpoint, for the fast path. One request at a time on each (no pipelining), one write
// for a request, one read for most answers: several times cheaper than the client of node:http, which makes some
// dozens of objects for each request. Every fault is a rejection, and the SDK's own client then asks again.
import type { Socket } from 'node:net';
import { type HttpAnswer, readHttpAnswer } from './http-answer.ts';

export interface HttpConnectionsOptions {
  /** Opens a connection; it may be written to at once. */
  readonly connect: () => Socket;
  /** At one time. Further exchanges wait in their order. */
  readonly maxConnections: number;
}

/** A request up to this size is sent in one piece. The parts of a larger one are not copied. */
const ONE_PIECE_OCTETS = 64 * 1024;

/** One request that waits for its answer. */
interface Exchange {
  readonly head: string;
  readonly body: readonly Buffer[];
  connection: Connection | undefined;
  readonly answered: (answer: HttpAnswer) => void;
  readonly failed: (error: Error) => void;
}

export class HttpConnections implements Disposable {
  readonly #options: HttpConnectionsOptions;
  /** The one used last is used first, so that the others grow old and the service closes them. */
  readonly #idle: Connection[] = [];
  /** At most one for each commit; each leaves at its own timeout. */
  readonly #waiting: Exchange[] = [];
  #connectionCount = 0;
  #isClosed = false;

  constructor(options: HttpConnectionsOptions) {
    this.#options = options;
  }

  /**
   * Sends `head` (a request line and fields, in ASCII, with the empty line at its end) and `body`, and reads the whole
   * answer. `body` is not used any more once this has settled.
   *
   * Rejects when the request or its answer was cut off, was not understood, took longer than `timeoutMillis` or was
   * given up by `signal`: the outcome is unknown.
   */
  exchange(
    head: string,
    body: readonly Buffer[],
    timeoutMillis: number,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
      };
      const exchange: Exchange = {
        head,
        body,
        connection: undefined,
        answered: (answer) => {
          end();
          resolve(answer);
        },
        failed: (error) => {
          end();
          reject(error);
        },
      };
      const giveUp = (): void => this.#giveUp(exchange);
      const timer = setTimeout(giveUp, timeoutMillis);
      signal.addEventListener('abort', giveUp, { once: true });
      if (signal.aborted) giveUp();
      else this.#begin(exchange);
    });
  }

  /** Closes idle connections now, and the others after their answers. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  #begin(exchange: Exchange): void {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isUsable) return idle.begin(exchange);
      idle.destroy();
    }
    if (this.#connectionCount >= this.#options.maxConnections) {
      this.#waiting.push(exchange);
      return undefined;
    }
    let socket: Socket;
    try {
      socket = this.#options.connect();
    } catch (error) {
      exchange.failed(toError(error));
      return undefined;
    }
    this.#connectionCount += 1;
    new Connection(
      socket,
      (connection) => this.#freed(connection),
      (connection) => this.#gone(connection),
    ).begin(exchange);
    return undefined;
  }

  #freed(connection: Connection): void {
    const next = this.#waiting.shift();
    if (next !== undefined) connection.begin(next);
    else if (this.#isClosed) connection.destroy();
    else {
      connection.rest();
      this.#idle.push(connection);
    }
  }

  #gone(connection: Connection): void {
    this.#connectionCount -= 1;
    const index = this.#idle.indexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
    const next = this.#waiting.shift();
    if (next !== undefined) this.#begin(next);
  }

  #giveUp(exchange: Exchange): void {
    const { connection } = exchange;
    if (connection !== undefined) return connection.destroy();
    const index = this.#waiting.indexOf(exchange);
    if (index !== -1) this.#waiting.splice(index, 1);
    exchange.failed(new Error('the request was given up'));
    return undefined;
  }
}

class Connection {
  readonly #socket: Socket;
  readonly #freed: (connection: Connection) => void;
  readonly #gone: (connection: Connection) => void;
  #exchange: Exchange | undefined;
  /** What has arrived of an incomplete answer. */
  #received: Buffer | undefined;
  #isGone = false;

  constructor(
    socket: Socket,
    freed: (connection: Connection) => void,
    gone: (connection: Connection) => void,
  ) {
    this.#socket = socket;
    this.#freed = freed;
    this.#gone = gone;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    // After its FIN the service takes no further request, and an incomplete answer stays incomplete.
    socket.on('end', () => this.#lose(new Error('the connection was closed')));
    socket.on('error', (error) => this.#lose(error));
    socket.on('close', () => this.#lose(new Error('the connection was closed')));
  }

  get isUsable(): boolean {
    return !this.#isGone && this.#socket.writable;
  }

  begin(exchange: Exchange): void {
    this.#exchange = exchange;
    exchange.connection = this;
    const socket = this.#socket;
    socket.ref();
    const { head, body } = exchange;
    let octets = head.length;
    for (const part of body) octets += part.length;
    if (octets <= ONE_PIECE_OCTETS) {
      const piece = Buffer.allocUnsafe(octets);
      let at = piece.write(head, 'latin1');
      for (const part of body) at += part.copy(piece, at);
      socket.write(piece);
      return;
    }
    socket.cork();
    socket.write(head, 'latin1');
    for (const part of body) socket.write(part);
    socket.uncork();
  }

  /** An idle connection keeps no process running. */
  rest(): void {
    this.#socket.unref();
  }

  destroy(): void {
    this.#lose(new Error('the request was given up'));
  }

  #receive(chunk: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return this.#lose(new Error('an answer came to no request'));
    const received = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk]);
    let answer: HttpAnswer | undefined;
    try {
      answer = readHttpAnswer(received);
    } catch (error) {
      return this.#lose(toError(error));
    }
    if (answer === undefined) {
      this.#received = received;
      return undefined;
    }
    this.#received = undefined;
    this.#exchange = undefined;
    // A refusal may arrive before the whole request is sent: then the body is still in the socket.
    const isSent = answer.status === 200 || this.#socket.writableLength === 0;
    const isFree = answer.isReusable && isSent;
    if (!isFree) this.destroy();
    exchange.answered(answer);
    if (isFree) this.#freed(this);
    return undefined;
  }

  #lose(error: Error): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#socket.destroy();
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.failed(error);
    this.#gone(this);
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
