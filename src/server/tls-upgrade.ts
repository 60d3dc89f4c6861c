// From a plain socket to its TLS socket: behind STARTTLS (RFC 3207), or from the first octet (RFC 8314).
import type { TLSSocket } from 'node:tls';
import type { ChannelBinding, TlsFacts } from '../smtp/index.ts';
import { makeChannelBinding } from './channel-binding.ts';
import { readTlsFacts } from './tls-facts.ts';
import type { Transport } from './transport.ts';

/**
 * Sends the reply to STARTTLS, and calls `ended` once it is on its way and nothing of the plaintext is left.
 * Nobody may read the socket any more.
 *
 * Plaintext command injection: what came in the clear behind STARTTLS is not read as anything (RFC 3207 section
 * 4.2; CVE-2011-0411). The session discards what it holds; this discards what the socket holds.
 */
export function endPlaintext(socket: Transport, reply: string, ended: () => void): void {
  socket.write(reply, 'latin1', () => {
    // No more than it holds: what a stream brings only when it is read was sent behind the reply.
    if (socket.readableLength > 0) socket.read(socket.readableLength);
    ended();
  });
}

/** Calls `finished` when the handshake has succeeded. Its failures are events of the socket. */
export function startHandshake(socket: TLSSocket, finished: (milliseconds: number) => void): void {
  const startedAt = performance.now();
  // Not in the documentation of Node.js, and what its own tls.Server listens for.
  socket.once('secure', () => finished(performance.now() - startedAt));
}

/** What a session hears of a finished handshake. */
export interface Handshake {
  readonly tls: TlsFacts;
  /** Absent where the TLS ended elsewhere. */
  readonly channelBinding?: ChannelBinding;
}

export function readHandshake(socket: TLSSocket): Handshake {
  return { tls: readTlsFacts(socket), channelBinding: makeChannelBinding(socket) };
}
