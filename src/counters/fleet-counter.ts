// The fleet's counter with this process's own beside it, for when the fleet's cannot be asked.
import type { WindowCounter } from './window-counter.ts';

/** The fleet's counter could not be asked and the configuration says to refuse then. */
export class CounterUnavailableError extends Error {
  override readonly name = 'CounterUnavailableError';
  readonly code = 'MAILSLUICE_COUNTER_UNAVAILABLE';
}

export class FleetCounter implements WindowCounter {
  readonly #shared: WindowCounter;
  readonly #own: WindowCounter;
  readonly #onOutage: 'open' | 'closed';
  readonly #failed: (error: unknown) => void;

  constructor(
    shared: WindowCounter,
    own: WindowCounter,
    onOutage: 'open' | 'closed',
    failed: (error: unknown) => void,
  ) {
    this.#shared = shared;
    this.#own = own;
    this.#onOutage = onOutage;
    this.#failed = failed;
  }

  async read(key: string, windowSeconds: number): Promise<number> {
    const own = await this.#own.read(key, windowSeconds);
    const shared = await this.#ask(() => this.#shared.read(key, windowSeconds));
    return Math.max(own, shared ?? 0);
  }

  async add(key: string, windowSeconds: number, amount: number): Promise<number> {
    const own = await this.#own.add(key, windowSeconds, amount);
    const shared = await this.#ask(() => this.#shared.add(key, windowSeconds, amount));
    return Math.max(own, shared ?? 0);
  }

  async addWithin(
    key: string,
    windowSeconds: number,
    amount: number,
    limit: number,
  ): Promise<boolean> {
    const shared = await this.#ask(() => this.#shared.addWithin(key, windowSeconds, amount, limit));
    if (shared === false) return false;
    return this.#own.addWithin(key, windowSeconds, amount, limit);
  }

  async #ask<T>(question: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await question();
    } catch (error) {
      this.#failed(error);
      if (this.#onOutage === 'open') return undefined;
      throw new CounterUnavailableError('the counters of the fleet cannot be asked', {
        cause: error,
      });
    }
  }
}
