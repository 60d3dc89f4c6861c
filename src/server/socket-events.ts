// A socket's events on their way to the connection that owns the socket. The listener functions are shared by
// all sockets: a closure for each event of each socket would cost memory.
import type { Transport } from './transport.ts';

/** What a connection does about the events of its socket. */
export interface SocketOwner {
  received(chunk: Buffer): void;
  /** The client sent a FIN; it may still listen (RFC 9293 section 3.6). */
  inputEnded(): void;
  /** The output that the socket held back is on its way. */
  outputFlushed(): void;
  /** The close event follows. */
  failed(error: Error): void;
  closed(): void;
}

const owner = Symbol('owner');
type OwnedSocket = Transport & { [owner]?: SocketOwner };

/** Sends every event of the socket but its data to `by`. */
export function own(socket: OwnedSocket, by: SocketOwner): void {
  socket[owner] = by;
  socket.on('error', onError);
  socket.on('close', onClose);
  socket.on('end', onEnd);
  socket.on('drain', onDrain);
}

/** Sends its owner no more events. The error listener stays, or an error would end the process. */
export function disown(socket: OwnedSocket): void {
  delete socket[owner];
  socket.off('end', onEnd);
}

/** Sends the data to the owner as well. */
export function startReading(socket: OwnedSocket): void {
  socket.on('data', onData);
}

export function stopReading(socket: OwnedSocket): void {
  socket.off('data', onData);
}

function onData(this: OwnedSocket, chunk: Buffer): void {
  this[owner]?.received(chunk);
}

function onEnd(this: OwnedSocket): void {
  this[owner]?.inputEnded();
}

function onDrain(this: OwnedSocket): void {
  this[owner]?.outputFlushed();
}

function onError(this: OwnedSocket, error: Error): void {
  this[owner]?.failed(error);
}

function onClose(this: OwnedSocket): void {
  this[owner]?.closed();
}
