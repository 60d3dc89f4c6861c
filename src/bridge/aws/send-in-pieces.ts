// A large body on the SDK's path: handed to the socket piece by piece, so that the deadline of the request moves on
// while octets flow.
import { Readable } from 'node:stream';
import { reportProgress } from './deadline.ts';

/** A body up to this size is sent as it is. */
const PIECE_OCTETS = 64 * 1024;

interface Command {
  readonly middlewareStack: object;
}

interface MiddlewareStack {
  add(middleware: unknown, options: object): void;
}

type Next = (args: { readonly request: { body?: unknown } }) => Promise<unknown>;

/** What is sent, in the parts in which the progress of its tries is counted. */
interface Sent {
  readonly body: readonly Buffer[];
  readonly signal: AbortSignal;
}

/** The SDK's options for sending `command`, whose body is `octets` long. */
export function sendInPieces(
  command: Command,
  octets: number,
  { body: parts, signal }: Sent,
): { readonly abortSignal: AbortSignal; readonly requestTimeout?: number } {
  if (octets <= PIECE_OCTETS) return { abortSignal: signal };
  // Behind the retries and the signature, so each try gets a new stream, and the SDK retries as for a Buffer.
  const middleware = (next: Next) => async (args: Parameters<Next>[0]) => {
    const { request } = args;
    const { body } = request;
    if (Buffer.isBuffer(body)) request.body = Readable.from(pieces(body, parts, signal));
    try {
      return await next(args);
    } finally {
      request.body = body;
    }
  };
  const stack = command.middlewareStack as MiddlewareStack;
  stack.add(middleware, { step: 'deserialize', priority: 'low', name: 'sendInPieces' });
  // The client's time for a whole request is for small ones. The time that its sockets may be idle holds for this one.
  return { abortSignal: signal, requestTimeout: 0 };
}

/** Cannot fail, since an error of the stream would be one that nobody catches. */
function* pieces(body: Buffer, parts: readonly Buffer[], signal: AbortSignal): Generator<Buffer> {
  for (let at = 0; at < body.length; at += PIECE_OCTETS) {
    // There is room for this piece, so what was in front of it has gone.
    if (at > 0) reportProgress(signal, parts, at);
    yield body.subarray(at, at + PIECE_OCTETS);
  }
}
