// The octets of all messages under way, bounded by arithmetic. Two pools make up `limits.memory`:
//
// - Small: every message begins here and may hold up to 256 KiB. Whoever finds the pool full waits; the one
//   that waits longest may always go on, out of 256 KiB kept back for it alone. So one of the waiting always
//   finishes and frees what it held: no deadlock.
// - Large: a message that declares or reaches more owns its blocks first: as many as its SIZE needs, or the
//   whole window that streaming a multipart upload needs. It has all it will ever need, so it never waits
//   for another and always finishes.
//
// Blocks are made once and used again: what the pools hold is what the process holds, whatever the garbage
// collector does.

export const SMALL_OCTETS = 256 * 1024;
export const BLOCK_OCTETS = 256 * 1024;
/** S3 takes no part under 5 MiB but the last; the embedded S3 takes none over 11 MiB. */
export const PART_BLOCKS = 20;
/** The first part, held back for the trace headers; one on its way; one being filled. */
export const WINDOW_BLOCKS = 3 * PART_BLOCKS;

export interface Memory {
  readonly small: SmallPool;
  readonly large: BlockPool;
  /** Somebody waits for memory. */
  readonly isShort: boolean;
  /** What is held or owned by messages. */
  readonly usedOctets: number;
}

/** At least one window and 4 MiB of small messages, whatever `octets` says: below it nothing would work. */
export function createMemory(octets: number): Memory {
  const small = new SmallPool(Math.max(4 * 1024 * 1024, Math.floor(octets / 4)));
  const large = new BlockPool(
    Math.max(WINDOW_BLOCKS, Math.floor((octets - octets / 4) / BLOCK_OCTETS)),
  );
  return {
    small,
    large,
    get isShort() {
      return small.isShort || large.isShort;
    },
    get usedOctets() {
      return small.usedOctets + large.ownedBlocks * BLOCK_OCTETS;
    },
  };
}

/** What one message holds of the small pool. */
export interface SmallShare {
  held: number;
}

interface SmallWaiter {
  readonly share: SmallShare;
  readonly octets: number;
  readonly granted: () => void;
}

/** Counts what small messages hold; the octets themselves are theirs. */
export class SmallPool {
  readonly #limit: number;
  /** No more than there are connections. */
  readonly #waiters: SmallWaiter[] = [];
  #used = 0;
  #favoured: SmallShare | undefined;

  constructor(octets: number) {
    this.#limit = octets - SMALL_OCTETS;
  }

  get isShort(): boolean {
    return this.#waiters.length > 0;
  }

  get usedOctets(): number {
    return this.#used;
  }

  /** `true`: taken. `false`: `granted` is called once it is, unless the share was released before. */
  take(share: SmallShare, octets: number, granted: () => void): boolean {
    if (share === this.#favoured || (this.#waiters.length === 0 && this.#fits(octets))) {
      this.#add(share, octets);
      return true;
    }
    this.#waiters.push({ share, octets, granted });
    this.#pump();
    return false;
  }

  /** Gives everything back and stops waiting. */
  release(share: SmallShare): void {
    const index = this.#waiters.findIndex((waiter) => waiter.share === share);
    if (index !== -1) this.#waiters.splice(index, 1);
    this.#used -= share.held;
    share.held = 0;
    if (share === this.#favoured) this.#favoured = undefined;
    this.#pump();
  }

  #fits(octets: number): boolean {
    return this.#used + octets <= this.#limit;
  }

  #add(share: SmallShare, octets: number): void {
    share.held += octets;
    this.#used += octets;
  }

  #pump(): void {
    for (let first = this.#waiters[0]; first !== undefined; first = this.#waiters[0]) {
      if (!this.#fits(first.octets)) {
        if (this.#favoured !== undefined) return;
        this.#favoured = first.share;
      }
      this.#waiters.shift();
      this.#add(first.share, first.octets);
      queueMicrotask(first.granted);
    }
  }
}

interface BlockWaiter {
  readonly blocks: number;
  readonly granted: () => void;
}

/** Blocks of 256 KiB, owned before they are used. First come, first served, so that no large need starves. */
export class BlockPool {
  readonly size: number;
  readonly #spare: Buffer[] = [];
  /** No more than there are connections. */
  readonly #waiters: BlockWaiter[] = [];
  #owned = 0;

  constructor(blocks: number) {
    this.size = blocks;
  }

  get isShort(): boolean {
    return this.#waiters.length > 0;
  }

  get ownedBlocks(): number {
    return this.#owned;
  }

  /** Owns `blocks` at once if nobody waits and there are enough. */
  tryOwn(blocks: number): boolean {
    if (this.#waiters.length > 0 || this.#owned + blocks > this.size) return false;
    this.#owned += blocks;
    return true;
  }

  /** Waits its turn, but not longer than `millis`: then `false`. An abort of `signal` is a `false` too. */
  own(blocks: number, millis: number, signal: AbortSignal): Promise<boolean> {
    if (this.tryOwn(blocks)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (owned: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        resolve(owned);
      };
      const waiter: BlockWaiter = { blocks, granted: () => settle(true) };
      const giveUp = (): void => {
        const index = this.#waiters.indexOf(waiter);
        if (index === -1) return;
        this.#waiters.splice(index, 1);
        settle(false);
        this.#pump();
      };
      const timer = setTimeout(giveUp, millis);
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** One of the blocks that the caller owns. Its octets are whatever was in it. */
  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_OCTETS);
  }

  /** A block comes back to be taken again by anybody; who owned it still does. */
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
