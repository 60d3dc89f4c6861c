// Whether the fast path is worth its tries. Where something between us and the service answers in a way that the fast
// path does not understand and the SDK does, each request would be sent twice, and one that hangs would cost its time
// for each mail.
import type { AwsService, Observe } from '../events.ts';
import { HttpStalledError } from './http-connections.ts';

/** Tries in a row that were of no use. */
const MAX_USELESS = 3;
const LEAVE_MINUTES = 5;

export class FastPathHealth {
  readonly service: AwsService;
  readonly #observe: Observe;
  #useless = 0;
  #countedAt = 0;
  #leftUntil = 0;

  constructor(service: AwsService, observe: Observe) {
    this.service = service;
    this.#observe = observe;
  }

  /** `false`: the SDK's commands send the requests for now. */
  get isOpen(): boolean {
    return performance.now() >= this.#leftUntil;
  }

  /** A try was enough. */
  succeeded(): void {
    this.#useless = 0;
  }

  /**
   * A try that began at `began` was of no use, and then the SDK did the same well. A stall costs so much that one is
   * enough. Otherwise, tries at the same time count once: a service that restarts breaks many connections at once.
   */
  wasUseless(began: number, reason: unknown): void {
    const now = performance.now();
    if (began < this.#countedAt || !this.isOpen) return;
    this.#countedAt = now;
    this.#useless += 1;
    if (this.#useless < MAX_USELESS && !(reason instanceof HttpStalledError)) return;
    this.#useless = 0;
    this.#leftUntil = now + LEAVE_MINUTES * 60_000;
    this.#observe({
      kind: 'fast-path-left',
      service: this.service,
      reason: reasonOf(reason),
      minutes: LEAVE_MINUTES,
    });
  }
}

/** One short line. */
function reasonOf(reason: unknown): string {
  const text = reason instanceof Error ? reason.message : String(reason);
  return text.replace(/\s+/g, ' ').slice(0, 200);
}
