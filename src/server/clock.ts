/** What the clock looks after. */
export interface Watched {
  /** Called once in a period, with a time in milliseconds that has certainly passed. */
  check(now: number): void;
}

const LONGEST_PERIOD = 1000;
const SHORTEST_PERIOD = 20;

/**
 * One timer for all connections of a server. A deadline costs its connection one number instead of a timer,
 * and reading the time costs nothing; in return every timeout is late by up to two periods, and never early.
 */
export class Clock {
  readonly #periodInMilliseconds: number;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;
  /** Milliseconds since the process began, as of the last period: whole, so that V8 keeps it unboxed. */
  now = current();

  /** The period is a quarter of the shortest timeout, and never over a second. */
  constructor(shortestTimeoutSeconds: number) {
    const quarter = (shortestTimeoutSeconds * 1000) / 4;
    this.#periodInMilliseconds = Math.min(
      LONGEST_PERIOD,
      Math.max(SHORTEST_PERIOD, Math.trunc(quarter)),
    );
  }

  start(): void {
    this.now = current();
    this.#timer ??= setInterval(() => this.#tick(), this.#periodInMilliseconds).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  watch(watched: Watched): void {
    this.#watched.add(watched);
  }

  forget(watched: Watched): void {
    this.#watched.delete(watched);
  }

  #tick(): void {
    this.now = current();
    // Whoever noted the time since the last period noted one that was old by then.
    const passed = this.now - this.#periodInMilliseconds;
    for (const watched of this.#watched) watched.check(passed);
  }
}

function current(): number {
  return Math.trunc(performance.now());
}
