import { type NetConnectOpts, Socket } from 'node:net';

/** How long the octets that have arrived may take to be read. */
const READ_MILLIS = 250;
const BUFFER_OCTETS = 4096;

/**
 * A socket that is still read when a write has failed. clamd closes when a mail is over its limit, with octets unread, so
 * that the next write fails, while the answer that says so has arrived already. A socket of Node.js would throw it away.
 */
export class ReadingSocket extends Socket {
  #timer: NodeJS.Timeout | undefined;

  /** `read` gets what arrives, instead of the event `data`, which a failed write ends too. */
  static connect(address: NetConnectOpts, read: (octets: Buffer) => void): ReadingSocket {
    const onread = {
      buffer: Buffer.alloc(BUFFER_OCTETS),
      callback: (length: number, buffer: Uint8Array) => {
        read(Buffer.from(buffer.subarray(0, length)));
        return true;
      },
    };
    const socket = new ReadingSocket({ onread });
    socket.connect(address);
    return socket;
  }

  override destroy(error?: Error): this {
    const { syscall } = (error ?? {}) as NodeJS.ErrnoException;
    if (syscall === 'write' && this.#timer === undefined) {
      this.#timer = setTimeout(() => super.destroy(error), READ_MILLIS);
      return this;
    }
    clearTimeout(this.#timer);
    return super.destroy(error);
  }
}
