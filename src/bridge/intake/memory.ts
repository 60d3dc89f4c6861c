// The octets of all messages in progress, bounded by arithmetic. Two pools share `limits.memory`:
//
// - Small: every message begins here and may hold up to 256 KiB. When the pool is full, messages wait. The one that has
//   waited longest may always go on, out of 256 KiB kept back for it alone. So one of the waiting messages always
//   finishes and frees what it held: there is no deadlock.
// - Large: a message that declares or reaches more than 256 KiB first owns its blocks: as many as its SIZE needs, or
//   the whole window that a multipart upload needs. It then has all that it will ever need, so it never waits for
//   another message and always finishes.
//
// Blocks are allocated once and reused, so the process holds what the pools hold, whatever the garbage collector does.

export const SMALL_OCTETS = 256 * 1024;
export const BLOCK_OCTETS = 256 * 1024;
/** S3 takes no part under 5 MiB except the last; the embedded S3 takes none over 11 MiB. */
export const PART_BLOCKS = 20;
/** The first part, which waits for the trace headers; one in upload; one being filled. */
export const WINDOW_BLOCKS = 3 * PART_BLOCKS;

export class Memory {
  readonly small: SmallPool;
  readonly large: BlockPool;

  /** Never less than one window and 4 MiB for small messages: no mail would fit otherwise. */
  constructor(octets: number) {
    this.small = new SmallPool(Math.max(4 * 1024 * 1024, Math.floor(octets / 4)));
    this.large = new BlockPool(
      Math.max(WINDOW_BLOCKS, Math.floor((octets - octets / 4) / BLOCK_OCTETS)),
    );
  }

  /** What messages hold or own now. */
  get usedOctets(): number {
    return this.small.usedOctets + this.large.ownedBlocks * BLOCK_OCTETS;
  }
}

/** What one message holds of the small pool. */
export interface Reservation {
  held: number;
}

interface SmallWaiter {
  readonly reservation: Reservation;
  readonly octets: number;
  readonly granted: () => void;
}

/** Counts what small messages hold. The octets themselves are in the messages. */
export class SmallPool {
  readonly #limit: number;
  /** At most one for each connection. */
  readonly #waiters: SmallWaiter[] = [];
  #used = 0;
  #favored: Reservation | undefined;

  constructor(octets: number) {
    this.#limit = octets - SMALL_OCTETS;
  }

  /** A message waits. */
  get isShort(): boolean {
    return this.#waiters.length > 0;
  }

  get usedOctets(): number {
    return this.#used;
  }

  /** `true`: reserved. `false`: `granted` is called once it is, unless the reservation is released before. */
  reserve(reservation: Reservation, octets: number, granted: () => void): boolean {
    if (reservation === this.#favored || (this.#waiters.length === 0 && this.#fits(octets))) {
      this.#add(reservation, octets);
      return true;
    }
    this.#waiters.push({ reservation, octets, granted });
    this.#pump();
    return false;
  }

  /** Gives everything back and stops waiting. */
  release(reservation: Reservation): void {
    const index = this.#waiters.findIndex((waiter) => waiter.reservation === reservation);
    if (index !== -1) this.#waiters.splice(index, 1);
    this.#used -= reservation.held;
    reservation.held = 0;
    if (reservation === this.#favored) this.#favored = undefined;
    this.#pump();
  }

  #fits(octets: number): boolean {
    return this.#used + octets <= this.#limit;
  }

  #add(reservation: Reservation, octets: number): void {
    reservation.held += octets;
    this.#used += octets;
  }

  #pump(): void {
    for (let first = this.#waiters[0]; first !== undefined; first = this.#waiters[0]) {
      if (!this.#fits(first.octets)) {
        if (this.#favored !== undefined) return;
        this.#favored = first.reservation;
      }
      this.#waiters.shift();
      this.#add(first.reservation, first.octets);
      queueMicrotask(first.granted);
    }
  }
}

interface BlockWaiter {
  readonly blocks: number;
  readonly granted: () => void;
}

/** Blocks of 256 KiB, owned before they are used. First come, first served, so that no large message starves. */
export class BlockPool {
  readonly size: number;
  readonly #spare: Buffer[] = [];
  /** At most one for each connection. */
  readonly #waiters: BlockWaiter[] = [];
  #owned = 0;

  constructor(blocks: number) {
    this.size = blocks;
  }

  /** A message waits. */
  get isShort(): boolean {
    return this.#waiters.length > 0;
  }

  get ownedBlocks(): number {
    return this.#owned;
  }

  /** Owns `blocks` at once where no message waits and there are enough. */
  tryOwn(blocks: number): boolean {
    if (this.#waiters.length > 0 || this.#owned + blocks > this.size) return false;
    this.#owned += blocks;
    return true;
  }

  /** Waits its turn. `false` after `millis`, and when `signal` aborts. */
  own(blocks: number, millis: number, signal: AbortSignal): Promise<boolean> {
    if (this.tryOwn(blocks)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (owned: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        resolve(owned);
      };
      const waiter: BlockWaiter = { blocks, granted: () => end(true) };
      const giveUp = (): void => {
        const index = this.#waiters.indexOf(waiter);
        if (index === -1) return;
        this.#waiters.splice(index, 1);
        end(false);
        this.#pump();
      };
      const timer = setTimeout(giveUp, millis);
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** One of the blocks that the caller owns. It is not cleared. */
  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_OCTETS);
  }

  /** Gives back blocks for any message to take. The caller still owns as many as before. */
  putBack(blocks: readonly Buffer[]): void {
    this.#spare.push(...blocks);
  }

  disown(blocks: number): void {
    this.#owned -= blocks;
    this.#pump();
  }

  #pump(): void {
    for (let first = this.#waiters[0]; first !== undefined; first = this.#waiters[0]) {
      if (this.#owned + first.blocks > this.size) return;
      this.#owned += first.blocks;
      this.#waiters.shift();
      first.granted();
    }
  }
}
