// A scanner that is dead costs a few mails their timeout, not each mail.

/** Failures in a row that open the circuit. */
const THRESHOLD = 3;
/** The pause between two tries while it is open. */
const RETRY_MILLIS = 5000;

export class CircuitBreaker {
  #failures = 0;
  #nextTryAt = 0;

  /** Whether the scanner may be asked now. `true` of an open circuit is this mail's turn to try. */
  admits(): boolean {
    if (this.#failures < THRESHOLD) return true;
    const now = performance.now();
    if (now < this.#nextTryAt) return false;
    this.#nextTryAt = now + RETRY_MILLIS;
    return true;
  }

  /** Takes the outcome of every exchange. */
  record(failed: boolean): void {
    if (!failed) {
      this.#failures = 0;
      return;
    }
    this.#failures += 1;
    if (this.#failures === THRESHOLD) this.#nextTryAt = performance.now() + RETRY_MILLIS;
  }
}
