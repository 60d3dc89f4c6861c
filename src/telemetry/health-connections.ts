// The open connections of the health server. There is always room for a new one: a probe is answered within
// milliseconds, so what has been open for longer, of the client that has the most, gives way to it.
import type { Socket } from 'node:net';

export interface HealthConnectionLimits {
  readonly connections: number;
  readonly connectionsOfClient: number;
}

/** Twelve load balancer nodes and a few scrapers have a fraction of it. */
const LIMITS: HealthConnectionLimits = { connections: 256, connectionsOfClient: 32 };
/** Above the limits, connections stay for so long: the request of a probe is on its way. */
const FRESH_MILLISECONDS = 250;
/** What connections that are this young may exceed the limits by. */
const FRESH_FACTOR = 4;

export class HealthConnections {
  readonly #clientOf: (address: string) => string;
  readonly #limits: HealthConnectionLimits;
  /** By client; each with its age, the oldest first. */
  readonly #clients = new Map<string, Map<Socket, number>>();
  #total = 0;

  /** `clientOf`: what counts as one client, of an address. */
  constructor(clientOf: (address: string) => string, limits: HealthConnectionLimits = LIMITS) {
    this.#clientOf = clientOf;
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /** Counts it until it closes, and closes others that it takes the place of. */
  add(socket: Socket): void {
    const client = this.#clientOf(socket.remoteAddress ?? '');
    const sockets = this.#clients.get(client) ?? new Map<Socket, number>();
    sockets.set(socket, performance.now());
    this.#clients.set(client, sockets);
    this.#total += 1;
    socket.once('close', () => this.#remove(client, socket));
    const { connections, connectionsOfClient } = this.#limits;
    if (sockets.size > connectionsOfClient) {
      this.#closeOldest(client, sockets.size > connectionsOfClient * FRESH_FACTOR);
    }
    if (this.#total > connections) {
      this.#closeOldest(this.#largest(), this.#total > connections * FRESH_FACTOR);
    }
  }

  closeAll(): void {
    for (const sockets of this.#clients.values()) {
      for (const socket of sockets.keys()) socket.destroy();
    }
  }

  #closeOldest(client: string, isFreshToo: boolean): void {
    const [oldest] = this.#clients.get(client) ?? [];
    if (oldest === undefined) return;
    const [socket, since] = oldest;
    if (!isFreshToo && performance.now() - since < FRESH_MILLISECONDS) return;
    // At once: `close` comes only in a later turn of the event loop.
    this.#remove(client, socket);
    socket.destroy();
  }

  #remove(client: string, socket: Socket): void {
    const sockets = this.#clients.get(client);
    if (sockets?.delete(socket) !== true) return;
    this.#total -= 1;
    if (sockets.size === 0) this.#clients.delete(client);
  }

  #largest(): string {
    let largest = '';
    let most = 0;
    for (const [client, { size }] of this.#clients) {
      if (size <= most) continue;
      largest = client;
      most = size;
    }
    return largest;
  }
}
