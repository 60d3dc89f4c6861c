// How a server closes: it drains its sessions, cuts those that are left, and has closed with the last of them.
import type { Admission } from './admission.ts';
import type { Serving } from './serving.ts';

/** How to `close`. */
export interface CloseOptions {
  /** Seconds after which the sessions that are left get 421 in any state. Default 30. */
  readonly drain?: number;
  /**
   * Seconds without a whole command or response after which a client within a transaction or an AUTH exchange gets
   * 421. A client that sends the octets of a message is not interrupted. Default 5.
   */
  readonly idle?: number;
  /** Ends the wait when it fires, as the end of `drain` does. */
  readonly signal?: AbortSignal;
}

/** The result of `close`. */
export interface Closed {
  /** Sessions that were cut short. */
  readonly cut: number;
}

/** A listener, as far as closing concerns it. */
interface Closable {
  /** Whether a session is left that began before the closing. */
  readonly isWaitedFor: boolean;
  drain(idleSeconds: number): void;
  stop(): void;
  cut(): number;
  destroy(): void;
}

const DEFAULT_DRAIN_SECONDS = 30;
const DEFAULT_DRAIN_IDLE_SECONDS = 5;
/** How long a client that was cut may take to read the 421 and to close its side. */
const LAST_WORD_MILLISECONDS = 1000;

export class Closing {
  readonly #listeners: Iterable<Closable>;
  readonly #admission: Admission;
  readonly #observe: Serving['observe'];
  /** Called once, when nothing is left. */
  readonly #finished: () => void;
  readonly #closed = Promise.withResolvers<Closed>();
  #phase: 'open' | 'draining' | 'cutting' | 'closed' = 'open';
  #cut = 0;
  #drainIdleSeconds = Number.POSITIVE_INFINITY;
  #lastWord: NodeJS.Timeout | undefined;

  constructor(
    listeners: Iterable<Closable>,
    admission: Admission,
    observe: Serving['observe'],
    finished: () => void,
  ) {
    this.#listeners = listeners;
    this.#admission = admission;
    this.#observe = observe;
    this.#finished = finished;
  }

  /** Whether `begin` was called. */
  get hasBegun(): boolean {
    return this.#phase !== 'open';
  }

  /** Whether sessions are cut, and no new client is taken. */
  get isCutting(): boolean {
    return this.#phase === 'cutting' || this.#phase === 'closed';
  }

  /** Again it can only shorten the wait. */
  async begin({
    drain = DEFAULT_DRAIN_SECONDS,
    idle = DEFAULT_DRAIN_IDLE_SECONDS,
    signal,
  }: CloseOptions): Promise<Closed> {
    if (this.#phase === 'closed') return this.#closed.promise;
    if (this.#phase === 'open') {
      this.#phase = 'draining';
      const connections = this.#admission.total;
      this.#observe?.({ kind: 'closing', connections, drainSeconds: drain });
    }
    this.#drainIdleSeconds = Math.min(this.#drainIdleSeconds, idle);
    for (const listener of this.#listeners) listener.drain(this.#drainIdleSeconds);
    if (drain <= 0 || signal?.aborted === true) {
      this.#cutAll();
    } else {
      // Several may be set; the first to fire is the one that counts.
      const cut = (): void => this.#cutAll();
      const deadline = setTimeout(cut, drain * 1000);
      signal?.addEventListener('abort', cut);
      void this.#closed.promise.then(() => {
        clearTimeout(deadline);
        signal?.removeEventListener('abort', cut);
      });
    }
    this.finishIfEmpty();
    return this.#closed.promise;
  }

  /** Called whenever a connection has closed. */
  finishIfEmpty(): void {
    if (this.#phase === 'draining' && !this.#isWaitedFor) this.#cutAll();
    if (this.#phase !== 'cutting' || this.#admission.total > 0) return;
    this.#phase = 'closed';
    clearTimeout(this.#lastWord);
    this.#finished();
    this.#observe?.({ kind: 'closed', cut: this.#cut });
    this.#closed.resolve({ cut: this.#cut });
  }

  get #isWaitedFor(): boolean {
    for (const listener of this.#listeners) if (listener.isWaitedFor) return true;
    return false;
  }

  #cutAll(): void {
    if (this.isCutting) return;
    this.#phase = 'cutting';
    for (const listener of this.#listeners) listener.stop();
    // Not within a session's turn, and after the reply to every question that is answered by now: to a client whose
    // message was accepted 421 would be a lie.
    setImmediate(() => {
      for (const listener of this.#listeners) this.#cut += listener.cut();
    });
    this.#lastWord = setTimeout(() => {
      for (const listener of this.#listeners) listener.destroy();
    }, LAST_WORD_MILLISECONDS);
  }
}
