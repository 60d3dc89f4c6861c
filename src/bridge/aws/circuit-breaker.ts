// The circuit breaker: a service that does not answer costs a few waits instead of thousands.
import type { AwsFailure } from '../events.ts';

export interface CircuitBreakerOptions {
  /**
   * Sends the service a small request; rejects while the service does not answer. With a probe no caller is admitted
   * until one has succeeded. Without it one caller at a time is admitted to try, once a `retryMillis`.
   */
  readonly probe?: () => Promise<void>;
  readonly onOpened?: (failure: AwsFailure) => void;
  readonly onClosed?: (openSeconds: number) => void;
  /** Failures in a row that open the circuit. Default 5. */
  readonly threshold?: number;
  /** The pause between two tries while the circuit is open. Default 1000. */
  readonly retryMillis?: number;
}

/**
 * Opens after some failures in a row that waiting can mend, and closes at the first success. A misconfiguration does
 * not open it, since it fails fast by itself.
 */
export class CircuitBreaker {
  readonly #probe: (() => Promise<void>) | undefined;
  readonly #onOpened: CircuitBreakerOptions['onOpened'];
  readonly #onClosed: CircuitBreakerOptions['onClosed'];
  readonly #threshold: number;
  readonly #retryMillis: number;
  #failures = 0;
  #openedAt: number | undefined;
  /** Without a probe: when the next caller may try. */
  #nextTryAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor({
    probe,
    onOpened,
    onClosed,
    threshold = 5,
    retryMillis = 1000,
  }: CircuitBreakerOptions = {}) {
    this.#probe = probe;
    this.#onOpened = onOpened;
    this.#onClosed = onClosed;
    this.#threshold = threshold;
    this.#retryMillis = retryMillis;
  }

  /** Whether the service may be called now. Without a probe, `true` of an open circuit is this caller's turn to try. */
  admits(): boolean {
    if (this.#openedAt === undefined) return true;
    if (this.#probe !== undefined) return false;
    const now = performance.now();
    if (now < this.#nextTryAt) return false;
    this.#nextTryAt = now + this.#retryMillis;
    return true;
  }

  /** Takes the outcome of every call; `undefined` is success. */
  record(failure: AwsFailure | undefined): void {
    if (failure === undefined) {
      this.#close();
      this.#failures = 0;
      return;
    }
    if (failure.cause !== 'unavailable') return;
    this.#failures += 1;
    if (this.#failures < this.#threshold || this.#openedAt !== undefined) return;
    this.#openedAt = performance.now();
    this.#onOpened?.(failure);
    this.#scheduleProbe();
  }

  /** Ends the probes. */
  [Symbol.dispose](): void {
    this.#openedAt = undefined;
    clearTimeout(this.#timer);
  }

  #close(): void {
    if (this.#openedAt === undefined) return;
    const openSeconds = (performance.now() - this.#openedAt) / 1000;
    this.#openedAt = undefined;
    clearTimeout(this.#timer);
    // The service answers a probe, but one more failed call opens the circuit again.
    this.#failures = this.#threshold - 1;
    this.#onClosed?.(openSeconds);
  }

  #scheduleProbe(): void {
    const probe = this.#probe;
    if (probe === undefined) return;
    this.#timer = setTimeout(() => {
      probe().then(
        () => this.#close(),
        () => {
          if (this.#openedAt !== undefined) this.#scheduleProbe();
        },
      );
    }, this.#retryMillis);
    this.#timer.unref();
  }
}
