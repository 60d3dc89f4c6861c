// How many look-ups are under way at once: a bound, a share of it for each client, and a bounded queue that serves the
// clients in turn. So the names of one sender, which may all be slow, do not keep the names of others waiting.

export interface SlotLimits {
  /** Look-ups under way. */
  readonly most: number;
  /** Of these, for one client. */
  readonly mostPerClient: number;
  /** Look-ups that wait. */
  readonly mostWaiting: number;
  /** Of these, for one client. */
  readonly mostWaitingPerClient: number;
}

/** Something that takes a slot. `start` is called once, with the client whose share it takes. */
export interface SlotTaker {
  readonly isStarted: boolean;
  start(client: string): void;
}

interface Client {
  /** Whether it is bound by its share: not where nobody said who asks. */
  readonly hasShare: boolean;
  running: number;
  readonly waiting: Set<SlotTaker>;
}

export class LookupSlots {
  readonly #limits: SlotLimits;
  readonly #clients = new Map<string, Client>();
  #running = 0;
  #waiting = 0;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Starts `taker`, at once or when there is room; `false`: neither, too many wait. `client` is empty where unknown. */
  request(client: string, taker: SlotTaker): boolean {
    const own = this.#client(client);
    if (own.waiting.has(taker)) return true;
    if (own.waiting.size === 0 && this.#hasRoom(own)) {
      this.#start(client, own, taker);
      return true;
    }
    const isFull =
      this.#waiting >= this.#limits.mostWaiting ||
      (own.hasShare && own.waiting.size >= this.#limits.mostWaitingPerClient);
    if (isFull) {
      this.#forget(client, own);
      return false;
    }
    own.waiting.add(taker);
    this.#waiting += 1;
    return true;
  }

  /** A look-up of this client is over. */
  release(client: string): void {
    const own = this.#client(client);
    own.running -= 1;
    this.#running -= 1;
    this.#forget(client, own);
    this.#startNext();
  }

  /** `taker` no longer waits in the queue of this client. */
  withdraw(client: string, taker: SlotTaker): void {
    const own = this.#clients.get(client);
    if (own?.waiting.delete(taker) !== true) return;
    this.#waiting -= 1;
    this.#forget(client, own);
  }

  #client(key: string): Client {
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const client: Client = { hasShare: key !== '', running: 0, waiting: new Set() };
    this.#clients.set(key, client);
    return client;
  }

  #hasRoom({ hasShare, running }: Client): boolean {
    const most = hasShare ? this.#limits.mostPerClient : this.#limits.most;
    return this.#running < this.#limits.most && running < most;
  }

  #start(key: string, client: Client, taker: SlotTaker): void {
    client.running += 1;
    this.#running += 1;
    taker.start(key);
  }

  #startNext(): void {
    for (const [key, client] of this.#clients) {
      if (this.#running >= this.#limits.most) return;
      const [taker] = client.waiting;
      if (taker === undefined || !this.#hasRoom(client)) continue;
      client.waiting.delete(taker);
      this.#waiting -= 1;
      // Behind the others, for their turn.
      this.#clients.delete(key);
      this.#clients.set(key, client);
      if (taker.isStarted) {
        // Started in the turn of another client that asks the same.
        this.#forget(key, client);
      } else {
        this.#start(key, client, taker);
        return;
      }
    }
  }

  #forget(key: string, { running, waiting }: Client): void {
    if (running === 0 && waiting.size === 0) this.#clients.delete(key);
  }
}
