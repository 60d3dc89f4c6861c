// Keep-alive connections to one endpoint, for the fast path: a pool of undici, with one request at a time on each
// connection. Every fault is a rejection, and the SDK's own client then asks again.
import type { Socket } from 'node:net';
import { type Dispatcher, Pool } from 'undici';

export interface HttpConnectionsOptions {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Opens a connection. It may still be connecting. */
  readonly connect: () => Socket;
  /** How long a connection, with its TLS handshake, may take. */
  readonly connectMillis: number;
  /** At one time. Further requests wait in their order. */
  readonly maxConnections: number;
  /** An older connection takes no further request, so that a change of the name in the DNS is followed. */
  readonly maxAgeMillis: number;
}

export interface HttpRequest {
  readonly method: 'PUT' | 'POST';
  /** With its query, escaped. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Not used any more once the exchange has settled. */
  readonly body: readonly Buffer[];
  /** How long no octet may be written or read. */
  readonly stallMillis: number;
  readonly signal: AbortSignal;
  /** One more part of a large body was written: that many octets of it so far. */
  readonly onProgress?: (octets: number) => void;
}

export interface HttpAnswer {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

/** No octet was written or read for too long. */
export class HttpStalledError extends Error {
  override readonly name = 'HttpStalledError';
}

/** A body up to this size is sent in one piece. The parts of a larger one are not copied. */
const ONE_PIECE_OCTETS = 64 * 1024;
/** Far more than the results of ten entries need, or an error with its message. */
const MAX_ANSWER_OCTETS = 128 * 1024;
const MAX_HEADER_OCTETS = 64 * 1024;
/** For how long an idle connection is kept, unless the service names a shorter time. */
const IDLE_MILLIS = 60_000;

export class HttpConnections implements Disposable {
  readonly #pool: Pool;

  constructor({
    origin,
    connect,
    connectMillis,
    maxConnections,
    maxAgeMillis,
  }: HttpConnectionsOptions) {
    this.#pool = new Pool(origin, {
      connect: (_options, callback) => open(connect, connectMillis, callback),
      // Not given, the number is unlimited.
      ...(Number.isFinite(maxConnections) && { connections: maxConnections }),
      clientTtl: maxAgeMillis,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: IDLE_MILLIS,
      maxHeaderSize: MAX_HEADER_OCTETS,
      // `Exchange` has one timer for the whole request instead.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * Sends the request and reads the whole answer.
   *
   * Rejects when the request or its answer was cut off, was not understood, stalled, or was given up by `signal`: the
   * outcome is unknown. A stall is an `HttpStalledError`.
   */
  exchange(request: HttpRequest): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      if (request.signal.aborted) {
        reject(givenUp());
        return;
      }
      const { method, path, headers } = request;
      const options: Dispatcher.DispatchOptions = {
        method,
        path,
        headers: inTurns(headers),
        body: bodyOf(request.body),
      };
      this.#pool.dispatch(options, new Exchange(request, resolve, reject));
    });
  }

  /** Closes idle connections now, and the others after their answers. */
  [Symbol.dispose](): void {
    // It rejects where it was closed before.
    this.#pool.close().catch(() => undefined);
  }
}

/** Names and values in turns, which costs undici less work than an object. */
function inTurns(headers: HttpRequest['headers']): string[] {
  const list: string[] = [];
  for (const name in headers) list.push(name, headers[name] ?? '');
  return list;
}

function bodyOf(body: readonly Buffer[]): Buffer {
  const [only] = body;
  let octets = 0;
  for (const part of body) octets += part.length;
  if (octets <= ONE_PIECE_OCTETS) {
    return body.length === 1 && only !== undefined ? only : Buffer.concat(body, octets);
  }
  // undici takes any iterable, and writes the next part when the socket has room for it. Its types do not say so.
  return body as unknown as Buffer;
}

type Connected = (...result: [null, Socket] | [Error, null]) => void;

/** Gives back the socket, so that undici can end an attempt that no request waits for any more. */
function open(connect: () => Socket, millis: number, callback: Connected): Socket | undefined {
  let socket: Socket;
  try {
    socket = connect();
  } catch (error) {
    callback(error instanceof Error ? error : new Error(String(error)), null);
    return undefined;
  }
  const timer = setTimeout(() => {
    socket.destroy(new HttpStalledError(`no connection in ${millis} ms`));
  }, millis);
  const failed = (error: Error): void => {
    clearTimeout(timer);
    callback(error, null);
  };
  socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
    clearTimeout(timer);
    socket.off('error', failed);
    callback(null, socket);
  });
  socket.once('error', failed);
  return socket;
}

/** One request and its answer. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: HttpRequest;
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #timer: NodeJS.Timeout;
  /** Known when the request is sent. */
  #controller: Dispatcher.DispatchController | undefined;
  #failure: Error | undefined;
  #octetsSent = 0;
  #status = 0;
  #headers: HttpAnswer['headers'] = {};
  #chunks: Buffer[] = [];
  #octets = 0;

  constructor(
    request: HttpRequest,
    resolve: (answer: HttpAnswer) => void,
    reject: (error: Error) => void,
  ) {
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(this.#stall, request.stallMillis);
    request.signal.addEventListener('abort', this.#abort, { once: true });
  }

  readonly #stall = (): void => {
    this.#giveUp(new HttpStalledError(`given up: no octet in ${this.#request.stallMillis} ms`));
  };

  readonly #abort = (): void => this.#giveUp(givenUp());

  #giveUp(error: Error): void {
    this.#failure = error;
    this.#settle();
    this.#reject(error);
    // One that still waits for a connection is ended when it would be sent.
    this.#controller?.abort(error);
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#request.signal.removeEventListener('abort', this.#abort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#failure !== undefined) controller.abort(this.#failure);
    else this.#controller = controller;
  }

  onBodySent(part: Buffer): void {
    this.#timer.refresh();
    // There was room for this part, so what was in front of it has gone.
    if (this.#octetsSent > 0) this.#request.onProgress?.(this.#octetsSent);
    this.#octetsSent += part.length;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: HttpAnswer['headers'],
  ): void {
    // RFC 9110 section 15.2: any number of answers below 200 may come before the last one.
    this.#status = status;
    this.#headers = headers;
    this.#timer.refresh();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#octets += chunk.length;
    if (this.#octets > MAX_ANSWER_OCTETS) controller.abort(new Error('the answer is too long'));
    this.#chunks.push(chunk);
    this.#timer.refresh();
  }

  onResponseEnd(): void {
    this.#settle();
    const [only] = this.#chunks;
    const octets = this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks);
    this.#resolve({
      status: this.#status,
      headers: this.#headers,
      text: octets.toString(),
    });
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#settle();
    this.#reject(error);
  }
}

function givenUp(): Error {
  return new Error('the request was given up');
}
