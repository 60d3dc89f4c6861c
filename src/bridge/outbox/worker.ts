// Flushes the outbox in the background, as long as the service runs.
import { OutboxFlush, type OutboxOptions } from './flush.ts';

const INTERVAL_MILLIS = 15_000;
const FIRST_BACKOFF_MILLIS = 1000;
/** Behind another task: soon enough to follow one that is gone within twice its lease. */
const BUSY_MILLIS = 4000;

/** Flushes the outbox again and again, with jitter, and less often while SNS or S3 fail. */
export class OutboxWorker {
  readonly #flush: OutboxFlush;
  readonly #intervalMillis: number;
  readonly #abort = new AbortController();
  #backoffMillis: number;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Infinity;
  /** The flush in progress. */
  #running: Promise<void> | undefined;

  constructor(options: OutboxOptions, intervalMillis: number = INTERVAL_MILLIS) {
    this.#flush = new OutboxFlush(options);
    this.#intervalMillis = intervalMillis;
    this.#backoffMillis = this.#firstBackoffMillis;
    this.#schedule(intervalMillis);
  }

  /** A marker was written: flush sooner. */
  wake(): void {
    if (this.#running === undefined) this.#schedule(this.#backoffMillis);
  }

  /** Ends the flushes; settles when none is in progress. */
  async close(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  get #firstBackoffMillis(): number {
    return Math.min(FIRST_BACKOFF_MILLIS, this.#intervalMillis);
  }

  #schedule(millis: number): void {
    if (this.#abort.signal.aborted) return;
    // Half to one and a half: tasks that were started together drift apart.
    const delay = millis * (0.5 + Math.random());
    if (performance.now() + delay >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = performance.now() + delay;
    this.#timer = setTimeout(() => {
      this.#dueAt = Infinity;
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
      });
    }, delay);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    const { failure, refused, isBusy } = await this.#flush.run(this.#abort.signal);
    if (failure !== undefined || refused > 0) {
      this.#backoffMillis = Math.min(this.#intervalMillis, this.#backoffMillis * 2);
      this.#schedule(this.#backoffMillis);
      return;
    }
    this.#backoffMillis = this.#firstBackoffMillis;
    this.#schedule(isBusy ? Math.min(this.#intervalMillis, BUSY_MILLIS) : this.#intervalMillis);
  }
}
