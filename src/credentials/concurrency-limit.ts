/** Why a task did not run: as many tasks run as may, and the queue behind them is full. */
export const overloaded = Symbol('overloaded');

/** Who asks, and whether before the others. */
export interface Claimant {
  /** The tasks of one client wait in one line, and the lines take turns. */
  readonly client: string;
  /** Served before all others, and never turned away for one of them. */
  readonly isPreferred?: boolean;
}

/** A place among the tasks that run or wait. */
export interface Place {
  /** `true`: the task may run. `false`: the place was given to a client that held fewer. */
  readonly turn: Promise<boolean>;
  /** Gives the place back, whether or not its turn has come. */
  leave(): void;
}

interface Waiting {
  readonly resolve: (mayRun: boolean) => void;
}

/**
 * Runs a limited number of tasks at once and queues a limited number more. The queue is fair: each client has a line,
 * the lines take turns, and if the queue is full, the client with the longest line loses its last place to a client
 * with a shorter one.
 */
export class ConcurrencyLimit {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #rests: boolean;
  readonly #preferred = new FairQueue();
  readonly #others = new FairQueue();
  #running = 0;

  /**
   * With `rests`, a place stays empty for as long as its task took, so that each place uses half a core however many
   * tasks wait.
   */
  constructor(maxRunning: number, maxWaiting: number, rests = false) {
    this.#maxRunning = maxRunning;
    this.#maxWaiting = maxWaiting;
    this.#rests = rests;
  }

  async run<T>(claimant: Claimant, task: () => Promise<T>): Promise<T | typeof overloaded> {
    const place = this.claim(claimant);
    if (place === undefined) return overloaded;
    try {
      return (await place.turn) ? await task() : overloaded;
    } finally {
      place.leave();
    }
  }

  /** A place, at once; `undefined` if there is none. */
  claim({ client, isPreferred = false }: Claimant): Place | undefined {
    if (this.#running < this.#maxRunning) {
      this.#running++;
      return this.#place(Promise.resolve(true), () => false);
    }
    const queue = isPreferred ? this.#preferred : this.#others;
    if (this.#preferred.size + this.#others.size >= this.#maxWaiting) {
      const most = isPreferred ? 0 : this.#others.lengthOf(client) + 1;
      const evicted = this.#others.takeLastOfLongest(most);
      if (evicted === undefined) return undefined;
      evicted.resolve(false);
    }
    let resolveTurn: (mayRun: boolean) => void = () => {};
    const turn = new Promise<boolean>((resolve) => {
      resolveTurn = resolve;
    });
    let outcome: 'waits' | 'runs' | 'evicted' = 'waits';
    const waiting: Waiting = {
      resolve: (mayRun) => {
        outcome = mayRun ? 'runs' : 'evicted';
        resolveTurn(mayRun);
      },
    };
    queue.add(client, waiting);
    return this.#place(turn, () => {
      if (outcome === 'waits') queue.remove(client, waiting);
      return outcome !== 'runs';
    });
  }

  /** `isIdle` says that the place does not run, and takes it out of its queue. */
  #place(turn: Promise<boolean>, isIdle: () => boolean): Place {
    let begun = performance.now();
    void turn.then(() => {
      begun = performance.now();
    });
    let isLeft = false;
    return {
      turn,
      leave: () => {
        if (isLeft) return;
        isLeft = true;
        if (isIdle()) return;
        const took = performance.now() - begun;
        // What took no time needs no rest, and a timer would take longer.
        if (this.#rests && took >= 1) setTimeout(() => this.#handOver(), took);
        else this.#handOver();
      },
    };
  }

  /** A task that ends hands its place over, so `#running` does not change. */
  #handOver(): void {
    const next = this.#preferred.takeNext() ?? this.#others.takeNext();
    if (next === undefined) this.#running--;
    else next.resolve(true);
  }
}

/** A line for each client; the lines take turns. */
class FairQueue {
  /** In the order of their turns. */
  readonly #lines = new Map<string, Waiting[]>();
  size = 0;

  lengthOf(client: string): number {
    return this.#lines.get(client)?.length ?? 0;
  }

  add(client: string, waiting: Waiting): void {
    this.size++;
    const line = this.#lines.get(client);
    if (line === undefined) this.#lines.set(client, [waiting]);
    else line.push(waiting);
  }

  remove(client: string, waiting: Waiting): void {
    const line = this.#lines.get(client);
    const index = line?.indexOf(waiting) ?? -1;
    if (line === undefined || index < 0) return;
    line.splice(index, 1);
    this.size--;
    if (line.length === 0) this.#lines.delete(client);
  }

  takeNext(): Waiting | undefined {
    for (const [client, line] of this.#lines) {
      const next = line.shift();
      this.#lines.delete(client);
      if (next === undefined) continue;
      this.size--;
      if (line.length > 0) this.#lines.set(client, line);
      return next;
    }
    return undefined;
  }

  /** From the client whose line is longest, if it is longer than `most`. */
  takeLastOfLongest(most: number): Waiting | undefined {
    let longest: [string, Waiting[]] | undefined;
    for (const entry of this.#lines) {
      if (entry[1].length > (longest?.[1].length ?? most)) longest = entry;
    }
    if (longest === undefined) return undefined;
    const [client, line] = longest;
    const last = line.pop();
    this.size--;
    if (line.length === 0) this.#lines.delete(client);
    return last;
  }
}
