/** An abort signal that fires after some time, unless it is disposed of before: one timer, nothing left behind. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(millis: number) {
    this.#timer = setTimeout(() => this.#controller.abort(), Math.max(0, millis));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

export interface ProgressDeadlineOptions {
  /** How long the work may go on without progress. */
  readonly stallMillis: number;
  /** How long it may take in all. */
  readonly totalMillis: number;
  /** When the time began, by `performance.now()`. Default: now. */
  readonly began?: number;
  /** Ends the work too. */
  readonly signal?: AbortSignal;
}

/** The deadline of a signal. As a property: a WeakMap costs the collector more than the rest of a deadline. */
const DEADLINE = Symbol('deadline');

interface SignalOfDeadline extends AbortSignal {
  [DEADLINE]?: ProgressDeadline;
}

/**
 * Moves on the deadline that `signal` belongs to, if it is one that can be moved: `octets` of `body` have been sent. A
 * retry moves it on only where it comes further than the tries before it, since a service that takes every request and
 * answers none is no progress.
 */
export function reportProgress(signal: AbortSignal, body: readonly Buffer[], octets: number): void {
  (signal as SignalOfDeadline)[DEADLINE]?.progress(body, octets);
}

/** An abort signal that fires after some time without progress, and at the latest after a total time. */
export class ProgressDeadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #stallMillis: number;
  readonly #end: number;
  readonly #parent: AbortSignal | undefined;
  #progressAt: number;
  /** How far each body has come. At most the bodies of one commit. */
  readonly #sent = new Map<readonly Buffer[], number>();
  #timer: NodeJS.Timeout | undefined;

  constructor({
    stallMillis,
    totalMillis,
    began = performance.now(),
    signal,
  }: ProgressDeadlineOptions) {
    this.#stallMillis = stallMillis;
    this.#end = began + totalMillis;
    this.#progressAt = began;
    this.#parent = signal;
    (this.signal as SignalOfDeadline)[DEADLINE] = this;
    signal?.addEventListener('abort', this.#abort, { once: true });
    if (signal?.aborted === true) this.#abort();
    else this.#check();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** When the signal fires if there is no more progress, by `performance.now()`. */
  get until(): number {
    return Math.min(this.#progressAt + this.#stallMillis, this.#end);
  }

  /** Costs no timer: the one that is running finds out when it fires. */
  progress(body: readonly Buffer[], octets: number): void {
    if (octets <= (this.#sent.get(body) ?? 0)) return;
    this.#sent.set(body, octets);
    this.#progressAt = performance.now();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#parent?.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (): void => {
    this[Symbol.dispose]();
    this.#controller.abort();
  };

  readonly #check = (): void => {
    const left = this.until - performance.now();
    if (left <= 0) this.#abort();
    else this.#timer = setTimeout(this.#check, left);
  };
}
