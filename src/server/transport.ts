// What a session is held over: a socket, or any other duplex stream of octets that was handed over.
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Of a client whose connection has no address: what Postfix takes it for. */
export const LOCAL_ADDRESS = '127.0.0.1';

/** What only a socket has. */
type OfSockets = 'destroySoon' | 'bytesRead' | 'bytesWritten' | 'remoteAddress' | 'remotePort';

export type Transport = Duplex & Partial<Pick<Socket, OfSockets>>;

/** Destroys it once what was written is on its way. */
export function destroySoon(transport: Transport): void {
  if (transport.destroySoon) {
    transport.destroySoon();
    return;
  }
  if (!transport.writableEnded) transport.end();
  if (transport.writableFinished) transport.destroy();
  else transport.once('finish', () => transport.destroy());
}
