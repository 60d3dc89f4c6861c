// Of the attempts that count for one key (an address, a user name), no more are compared side by side than may still
// fail: the others wait until one of them is settled. A right guess among more wrong ones than that is never compared.

import { isUsedUp } from '../counters/window-counter.ts';

/** Attempts that may wait, for all keys together. */
const MAX_WAITING = 2000;
/** An attempt that has waited so long is turned away. What it waits for is bounded as well. */
const WAIT_MILLISECONDS = 10_000;

export type GateOutcome = 'entered' | 'locked' | 'crowded';

interface Key {
  inFlight: number;
  /** The oldest is called when one in flight is settled. */
  readonly waiting: (() => void)[];
}

export class AttemptGate {
  /** Bounded by the attempts in flight, hence by connections, and by `MAX_WAITING`. */
  readonly #keys = new Map<string, Key>();
  #waiting = 0;

  /** Enters if failures and attempts in flight are together within `limit`; waits if those in flight decide it. */
  async enter(
    name: string,
    limit: number,
    readFailures: () => number | Promise<number>,
  ): Promise<GateOutcome> {
    for (;;) {
      const key = this.#keys.get(name) ?? { inFlight: 0, waiting: [] };
      this.#keys.set(name, key);
      // Counted before the failures are read: an attempt that fails meanwhile is counted twice and not left out.
      const ordinal = ++key.inFlight;
      let failures: number;
      try {
        failures = await readFailures();
      } catch (error) {
        this.leave(name);
        throw error;
      }
      if (isUsedUp(failures, limit)) {
        this.leave(name);
        return 'locked';
      }
      if (!isUsedUp(failures + ordinal - 1, limit)) return 'entered';
      key.inFlight--;
      if (key.inFlight === 0) continue;
      if (!(await this.#wait(key))) return 'crowded';
    }
  }

  leave(name: string): void {
    const key = this.#keys.get(name);
    if (key === undefined) return;
    key.inFlight--;
    if (key.inFlight === 0 && key.waiting.length === 0) this.#keys.delete(name);
    key.waiting.shift()?.();
  }

  /** `false`: too many wait, or it took too long. */
  async #wait(key: Key): Promise<boolean> {
    if (this.#waiting >= MAX_WAITING) return false;
    this.#waiting++;
    try {
      return await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => {
          key.waiting.splice(key.waiting.indexOf(wake), 1);
          resolve(false);
        }, WAIT_MILLISECONDS);
        timer.unref();
        const wake = (): void => {
          clearTimeout(timer);
          resolve(true);
        };
        key.waiting.push(wake);
      });
    } finally {
      this.#waiting--;
    }
  }
}
