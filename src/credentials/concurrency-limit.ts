/** Why a task did not run: as many tasks run as may, and the queue behind them is full. */
export const overloaded = Symbol('overloaded');

/** Runs a limited number of tasks at once and queues a limited number more. It turns away the rest at once. */
export class ConcurrencyLimit {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #rests: boolean;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /**
   * With `rests`, a place stays empty for as long as its task took, so that each place uses half a core however many
   * tasks wait.
   */
  constructor(maxRunning: number, maxWaiting: number, rests = false) {
    this.#maxRunning = maxRunning;
    this.#maxWaiting = maxWaiting;
    this.#rests = rests;
  }

  async run<T>(task: () => Promise<T>): Promise<T | typeof overloaded> {
    if (this.#running < this.#maxRunning) this.#running++;
    else {
      if (this.#waiting.length >= this.#maxWaiting) return overloaded;
      // A task that ends hands its place over, so `#running` does not change.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const begun = performance.now();
    try {
      return await task();
    } finally {
      if (this.#rests) setTimeout(() => this.#leave(), performance.now() - begun);
      else this.#leave();
    }
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
