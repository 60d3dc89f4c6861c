// Which connections a server has. When it is full, one that does little, or one of a client or a listener that has many,
// is let go for one that is due: no client and no listener closes the door for the others.
import { clientNetwork } from '../net/addresses.ts';
import type { Clock } from './clock.ts';
import type { Peer, ServerEvent } from './events.ts';
import type { Limits } from './limits.ts';

/** A connection, as far as it matters whether it may be let go. */
export interface AdmittedConnection {
  readonly peer: Peer;
  /** An answer is awaited: a message is being stored, or a sign-in is checked. It is not let go. */
  readonly isAsking: boolean;
  readonly isReceiving: boolean;
  readonly isSignedIn: boolean;
  /** When the client did something last, by the server's clock. */
  readonly waitingSince: number;
  /** Says 421 and ends it. */
  letGo(): void;
}

/**
 * `idle`: it sent no command for some time. `client-share`, `listener-share`: its client or its listener has more
 * connections than that of the new one.
 */
type LetGoReason = (ServerEvent & { kind: 'connection-shed' })['reason'];
type FullRule = 'too-many-connections' | 'too-many-connections-from-address';

/** In a full server a client that is silent for so long may be let go, unless it has signed in or sends a message. */
const PATIENCE_MILLISECONDS = 10_000;

const ORDER: Readonly<Record<LetGoReason, number>> = {
  idle: 0,
  'client-share': 1,
  'listener-share': 2,
};

/** Its memory is bounded by the connections themselves. */
export class Admission {
  readonly #maxConnections: number;
  readonly #clock: Clock;
  readonly #observe: ((event: ServerEvent) => void) | undefined;
  /** Each with the network of its client. */
  readonly #connections = new Map<AdmittedConnection, string>();
  readonly #byClient = new Map<string, number>();
  readonly #byListener = new Map<string, number>();
  /** By listener: clients with at least so many connections got no room since the clock's last period. */
  readonly #inVain = new Map<string, { readonly at: number; readonly connections: number }>();
  /** Those that were let go and have not closed yet count no more. */
  #total = 0;

  constructor(
    maxConnections: number,
    clock: Clock,
    observe: ((event: ServerEvent) => void) | undefined,
  ) {
    this.#maxConnections = maxConnections;
    this.#clock = clock;
    this.#observe = observe;
  }

  get total(): number {
    return this.#total;
  }

  /** Why a new connection is refused; `undefined` if there is room, or if room was made for it. */
  refusal(listener: string, limits: Limits, clientAddress: string): FullRule | undefined {
    const client = clientNetwork(clientAddress);
    if (count(this.#byClient, client) >= limits.maxConnectionsPerAddress) {
      return 'too-many-connections-from-address';
    }
    const isListenerFull = count(this.#byListener, listener) >= limits.maxConnections;
    if (isListenerFull && !this.#makeRoom(listener, client, true)) return 'too-many-connections';
    const isFull = this.#total >= this.#maxConnections;
    if (isFull && !this.#makeRoom(listener, client, false)) return 'too-many-connections';
    return undefined;
  }

  add(connection: AdmittedConnection): void {
    const { clientAddress, listener } = connection.peer;
    const client = clientNetwork(clientAddress);
    this.#connections.set(connection, client);
    this.#byClient.set(client, count(this.#byClient, client) + 1);
    this.#byListener.set(listener, count(this.#byListener, listener) + 1);
    this.#total += 1;
  }

  /** Once more does nothing. */
  remove(connection: AdmittedConnection): void {
    const client = this.#connections.get(connection);
    if (client === undefined) return;
    this.#connections.delete(connection);
    const { listener } = connection.peer;
    const left = count(this.#byClient, client) - 1;
    if (left === 0) this.#byClient.delete(client);
    else this.#byClient.set(client, left);
    this.#byListener.set(listener, count(this.#byListener, listener) - 1);
    this.#total -= 1;
  }

  /** Lets one connection go for a new one of this client; `false` if all others are as good. */
  #makeRoom(listener: string, client: string, isListenerFull: boolean): boolean {
    const connections = count(this.#byClient, client);
    const inVain = this.#inVain.get(listener);
    if (inVain?.at === this.#clock.now && connections >= inVain.connections) return false;
    let least: AdmittedConnection | undefined;
    let leastReason: LetGoReason = 'idle';
    for (const [each, owner] of this.#connections) {
      if (isListenerFull && each.peer.listener !== listener) continue;
      const reason = this.#reasonToLetGo(each, owner, listener, client);
      if (reason === undefined) continue;
      if (least !== undefined && !this.#goesBefore(each, reason, least, leastReason)) continue;
      least = each;
      leastReason = reason;
    }
    if (least === undefined) {
      this.#inVain.set(listener, { at: this.#clock.now, connections });
      return false;
    }
    this.remove(least);
    this.#observe?.({ kind: 'connection-shed', peer: least.peer, reason: leastReason });
    least.letGo();
    return true;
  }

  /** A share must be the larger one even without the connection, so that what was given is not taken back. */
  #reasonToLetGo(
    each: AdmittedConnection,
    owner: string,
    listener: string,
    client: string,
  ): LetGoReason | undefined {
    if (each.isAsking) return undefined;
    const isBusy = each.isReceiving || each.isSignedIn;
    if (!isBusy && this.#clock.now - each.waitingSince >= PATIENCE_MILLISECONDS) return 'idle';
    const connections = count(this.#byClient, client) + 1;
    const ofOwner = count(this.#byClient, owner);
    if (owner !== client && ofOwner > connections) return 'client-share';
    if (each.isSignedIn || each.peer.listener === listener || ofOwner < connections) {
      return undefined;
    }
    const isLarger =
      count(this.#byListener, each.peer.listener) > count(this.#byListener, listener) + 1;
    return isLarger ? 'listener-share' : undefined;
  }

  /** Those who signed in go last; else the client with the most loses first, and of its connections the most idle one. */
  #goesBefore(
    each: AdmittedConnection,
    reason: LetGoReason,
    least: AdmittedConnection,
    leastReason: LetGoReason,
  ): boolean {
    if (each.isSignedIn !== least.isSignedIn) return !each.isSignedIn;
    if (reason !== leastReason) return ORDER[reason] < ORDER[leastReason];
    const more = this.#ofOwner(each) - this.#ofOwner(least);
    return more > 0 || (more === 0 && each.waitingSince < least.waitingSince);
  }

  #ofOwner(connection: AdmittedConnection): number {
    return count(this.#byClient, this.#connections.get(connection) ?? '');
  }
}

function count(counts: ReadonlyMap<string, number>, key: string): number {
  return counts.get(key) ?? 0;
}
