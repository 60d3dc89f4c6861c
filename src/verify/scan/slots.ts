// A bounded number of exchanges at one time. The others wait in their order.

export interface SlotsOptions {
  readonly count: number;
  /** All are taken, and somebody waits. May call `release`. */
  readonly onFull?: () => void;
}

export class Slots {
  readonly #onFull: (() => void) | undefined;
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor({ count, onFull }: SlotsOptions) {
    this.#free = count;
    this.#onFull = onFull;
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Calls `granted` at once or later, unless the function that it returns was called before. */
  request(granted: () => void): () => void {
    if (this.#free > 0) {
      this.#free -= 1;
      granted();
      return () => undefined;
    }
    // One function may wait once only, so each waiter has its own.
    const waiter = () => granted();
    this.#waiting.add(waiter);
    this.#onFull?.();
    return () => this.#waiting.delete(waiter);
  }

  /** Gives one back. */
  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
