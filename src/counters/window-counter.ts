// Counting in a sliding window, by two fixed windows: what the current one holds, and of the one before as much
// as the sliding window still covers. So a lockout decays by itself, and a row is written once and expires.
import { BoundedMap } from './bounded-map.ts';
import type { Clock } from './time-source.ts';

/** Counts in a sliding window. One implementation is this process's own, one is the fleet's. */
export interface WindowCounter {
  /** The count of the last `windowSeconds`, estimated. */
  read(key: string, windowSeconds: number): number | Promise<number>;
  /** Adds, and gives the new estimate. */
  add(key: string, windowSeconds: number, amount: number): number | Promise<number>;
  /** Adds only where the estimate stays within `limit`; `false`: it would not, and nothing was added. */
  addWithin(
    key: string,
    windowSeconds: number,
    amount: number,
    limit: number,
  ): boolean | Promise<boolean>;
}

/**
 * Whether one more would be over the limit. An estimate has fractions: 20 failures count for 19.99 when the next window
 * begins, and one more would make 21 of them within the window.
 */
export function isUsedUp(estimate: number, limit: number): boolean {
  return estimate + 1 > limit;
}

/** Which fixed window `now` is in, and how much of the one before the sliding window still covers. */
export function windowAt(
  now: number,
  windowSeconds: number,
): { readonly index: number; readonly covered: number } {
  const windows = now / (windowSeconds * 1000);
  const index = Math.floor(windows);
  return { index, covered: 1 - (windows - index) };
}

interface Count {
  index: number;
  current: number;
  previous: number;
}

/** Counts in this process. Bounded: the key used longest ago is forgotten first. */
export class MemoryCounter implements WindowCounter {
  readonly #clock: Clock;
  readonly #counts: BoundedMap<Count>;

  constructor(clock: Clock, keys: number) {
    this.#clock = clock;
    this.#counts = new BoundedMap(keys);
  }

  read(key: string, windowSeconds: number): number {
    const { index, covered } = windowAt(this.#clock.now(), windowSeconds);
    const count = this.#counts.get(key);
    if (count === undefined) return 0;
    if (count.index === index) return count.current + count.previous * covered;
    return count.index === index - 1 ? count.current * covered : 0;
  }

  add(key: string, windowSeconds: number, amount: number): number {
    const { index, covered } = windowAt(this.#clock.now(), windowSeconds);
    const before = this.#counts.get(key);
    const count =
      before?.index === index
        ? before
        : {
            index,
            current: 0,
            previous: before?.index === index - 1 ? before.current : 0,
          };
    count.current += amount;
    this.#counts.set(key, count);
    return count.current + count.previous * covered;
  }

  addWithin(key: string, windowSeconds: number, amount: number, limit: number): boolean {
    if (this.read(key, windowSeconds) + amount > limit) return false;
    this.add(key, windowSeconds, amount);
    return true;
  }
}
