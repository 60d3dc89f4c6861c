// Back-pressure: why a connection's socket is not read. It is read only while there is no reason not to.
import type { Transport } from './transport.ts';

/** A reason not to read, one bit each. */
export const Pause = {
  /** The message's writer asked for a pause. */
  Writer: 1,
  /** Much input waits for the answer to a question. */
  Question: 2,
  /** The client does not read its replies. */
  Output: 4,
  /** Between STARTTLS and its handshake. */
  Handshake: 8,
  /** The other connections have their turn. */
  Fairness: 16,
  /** Many commands came at once. */
  Turn: 32,
} as const;
export type Pause = (typeof Pause)[keyof typeof Pause];

/**
 * Data that all connections together may bring before each had its turn. Node.js reads up to 2 MiB of a socket
 * in one go: times the senders, that is how late everything else would be.
 */
const MAX_TURN_OCTETS = 16_777_216;

export class SocketPauses {
  #socket: Transport;
  #reasons = 0;
  #turnOctets = 0;

  constructor(socket: Transport) {
    this.#socket = socket;
  }

  has(reason: Pause): boolean {
    return (this.#reasons & reason) !== 0;
  }

  add(reason: Pause): void {
    if (this.#reasons === 0) this.#socket.pause();
    this.#reasons |= reason;
  }

  /** Returns whether the reason was there. */
  remove(reason: Pause): boolean {
    if ((this.#reasons & reason) === 0) return false;
    this.#reasons &= ~reason;
    if (this.#reasons === 0) this.#socket.resume();
    return true;
  }

  /** Removes every reason. */
  clear(): void {
    this.#reasons = 0;
    this.#socket.resume();
  }

  /** Goes on with the socket that takes the place of the other, and no reason to pause it. */
  moveTo(socket: Transport): void {
    this.#reasons = 0;
    this.#socket = socket;
  }

  /** Counts data of a message; a connection that brought its share pauses until the others had their turn. */
  count(octets: number, connections: number): void {
    this.#turnOctets += octets;
    if (this.#turnOctets * connections <= MAX_TURN_OCTETS) return;
    this.#turnOctets = 0;
    this.add(Pause.Fairness);
    setImmediate(() => this.remove(Pause.Fairness));
  }
}
