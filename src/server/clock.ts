/** What has deadlines. */
export interface Watched {
  /** Called once each period, with a time in milliseconds that has certainly passed. */
  check(now: number): void;
}

const LONGEST_PERIOD = 1000;
const SHORTEST_PERIOD = 20;

/**
 * One timer for all connections of a server. A deadline costs its connection a number instead of a timer, and
 * reading the time costs nothing; in return a timeout is up to two periods late, and never early.
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
    // A time that was noted since the last period was old when it was noted.
    const passed = this.now - this.#periodInMilliseconds;
    for (const watched of this.#watched) watched.check(passed);
  }
}

function current(): number {
  return Math.trunc(performance.now());
}
