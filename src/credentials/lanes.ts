/** Why nothing was done: all lanes and the whole queue before them are taken. */
export const overloaded = Symbol('overloaded');

/** Lets so many tasks run at once and so many wait; what comes beyond is turned away at once. */
export class Lanes {
  readonly #lanes: number;
  readonly #queue: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(lanes: number, queue: number) {
    this.#lanes = lanes;
    this.#queue = queue;
  }

  async run<T>(task: () => Promise<T>): Promise<T | typeof overloaded> {
    if (this.#running < this.#lanes) this.#running++;
    else {
      if (this.#waiting.length >= this.#queue) return overloaded;
      // Whoever leaves hands the lane over, so `running` stays as it is.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
