/** Why nothing was done: all lanes and the whole queue before them are taken. */
export const overloaded = Symbol('overloaded');

/** Lets so many tasks run at once and so many wait; what comes beyond is turned away at once. */
export class Lanes {
  readonly #lanes: number;
  readonly #queue: number;
  readonly #rests: boolean;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** With `rests`, a lane stays empty for as long as its task took: half a core for each lane, however many wait. */
  constructor(lanes: number, queue: number, rests = false) {
    this.#lanes = lanes;
    this.#queue = queue;
    this.#rests = rests;
  }

  async run<T>(task: () => Promise<T>): Promise<T | typeof overloaded> {
    if (this.#running < this.#lanes) this.#running++;
    else {
      if (this.#waiting.length >= this.#queue) return overloaded;
      // Whoever leaves hands the lane over, so `running` stays as it is.
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
