// What `--handler` ran: the results of each mail, the last thousand in memory.
import type { HandlerEvent } from '../handler/handler-runner.ts';
import type { HandlerResult } from './shapes.ts';

const KEPT = 1000;

export class HandlerLog {
  readonly #results: HandlerResult[] = [];
  readonly #onResult: (result: HandlerResult) => void;
  #loadError: string | undefined;

  constructor(onResult: (result: HandlerResult) => void) {
    this.#onResult = onResult;
  }

  /** Why the handler cannot be loaded; `undefined` where it can. */
  get loadError(): string | undefined {
    return this.#loadError;
  }

  /** The last ones first. */
  get results(): HandlerResult[] {
    return this.#results.toReversed();
  }

  of(messageId: string): HandlerResult[] {
    return this.results.filter((each) => each.messageId === messageId);
  }

  /** `log`: what the handler printed meanwhile. */
  observe(event: HandlerEvent, log: string): void {
    if (event.event === 'handler-loaded') {
      this.#loadError = undefined;
      return;
    }
    if (event.event === 'handler-not-loaded') {
      this.#loadError = `${event.error.name}: ${event.error.message}`;
      return;
    }
    const { event: _, isLast, ...run } = event;
    const result = { at: new Date().toISOString(), ...run, isLast: isLast === true, log };
    this.#results.push(result);
    if (this.#results.length > KEPT) this.#results.shift();
    this.#onResult(result);
  }
}
