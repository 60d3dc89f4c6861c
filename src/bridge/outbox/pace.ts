// How many batches are under way at once. It follows the answers of SNS as TCP follows those of a network (RFC 5681): up
// while they are quick, down by half when SNS throttles or gets slow.

/** 16 batches of 10 markers are 160 requests of S3 at once, of the 256 connections that the commits need too. */
export const MAX_BATCHES = 16;
const FIRST_BATCHES = 2;
/** An answer is slow that takes so much longer than the quickest one: it waited for others. */
const SLOW_FACTOR = 3;
const QUICK_FACTOR = 1.5;
/** What a loaded machine adds to any answer. */
const NOISE_MILLIS = 100;
/** SNS hardly answers within the time of a call. */
const TOO_SLOW_MILLIS = 5000;

export type PaceAnswer = 'accepted' | 'throttled';

export class Pace {
  #limit = FIRST_BATCHES;
  #underWay = 0;
  #quickestMillis = Infinity;
  /** Doubles within each round of answers until the first one that is slow or throttled. */
  #isRamping = true;
  #halvedAt = -Infinity;
  #wake: (() => void) | undefined;

  /** Batches that may be under way. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** For one caller at a time. Settles when one more batch may begin. */
  async enter(): Promise<void> {
    while (this.#underWay >= this.limit) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#underWay += 1;
  }

  leave(): void {
    this.#underWay -= 1;
    this.#wake?.();
    this.#wake = undefined;
  }

  /** One answer of SNS to a call that began at `began` and took `millis`. */
  record(began: number, millis: number, answer: PaceAnswer): void {
    if (answer === 'throttled') {
      this.#halve(began);
      return;
    }
    this.#quickestMillis = Math.min(this.#quickestMillis, millis);
    const { limit } = this;
    if (millis > TOO_SLOW_MILLIS || millis > this.#quickestMillis * SLOW_FACTOR + NOISE_MILLIS) {
      this.#halve(began);
    } else if (millis <= this.#quickestMillis * QUICK_FACTOR + NOISE_MILLIS) {
      this.#limit = Math.min(MAX_BATCHES, this.#limit + (this.#isRamping ? 1 : 1 / limit));
    }
  }

  /** Once for all calls that were under way when it happened. */
  #halve(began: number): void {
    this.#isRamping = false;
    if (began < this.#halvedAt) return;
    this.#halvedAt = performance.now();
    this.#limit = Math.max(1, this.#limit / 2);
  }
}
