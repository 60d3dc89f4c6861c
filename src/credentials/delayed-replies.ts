import type { Clock } from '../counters/time-source.ts';

interface Delayed {
  readonly cut: () => void;
}

/**
 * Replies that wait until they are due. No more than `max` wait at one time: then the client with the most of them
 * loses its newest wait to a client that has fewer.
 */
export class DelayedReplies {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #byClient = new Map<string, Delayed[]>();
  #size = 0;

  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#max = max;
  }

  /** `false`, and before it is due, where too many wait. */
  async waitUntil(client: string, due: number): Promise<boolean> {
    if (this.#size >= this.#max && !this.#cutFor(client)) return false;
    let isCut = false;
    let cut = (): void => {};
    const untilCut = new Promise<void>((resolve) => {
      cut = () => {
        isCut = true;
        resolve();
      };
    });
    const delayed: Delayed = { cut };
    this.#size++;
    const own = this.#byClient.get(client);
    if (own === undefined) this.#byClient.set(client, [delayed]);
    else own.push(delayed);
    try {
      await Promise.race([this.#clock.delay(Math.max(0, due - this.#clock.now())), untilCut]);
    } finally {
      this.#remove(client, delayed);
    }
    return !isCut;
  }

  /** Makes room, if a client has at least two more than this one. */
  #cutFor(client: string): boolean {
    let most: readonly [string, Delayed[]] | undefined;
    const least = (this.#byClient.get(client)?.length ?? 0) + 1;
    for (const entry of this.#byClient) {
      if (entry[1].length > (most?.[1].length ?? least)) most = entry;
    }
    const newest = most?.[1].at(-1);
    if (most === undefined || newest === undefined) return false;
    this.#remove(most[0], newest);
    newest.cut();
    return true;
  }

  #remove(client: string, delayed: Delayed): void {
    const all = this.#byClient.get(client);
    const index = all?.indexOf(delayed) ?? -1;
    if (all === undefined || index < 0) return;
    all.splice(index, 1);
    this.#size--;
    if (all.length === 0) this.#byClient.delete(client);
  }
}
