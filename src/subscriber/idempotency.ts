// Handling each mail once although SNS and SQS deliver at least once: a handler claims a mail before it
// begins and marks it as done at its end.

/** Remembers which mails were handled. Correct under concurrency only if `claim` is atomic. */
export interface IdempotencyStore {
  /**
   * Claims `key` for at most `leaseMillis`: a claim that was neither completed nor released is free again
   * after that, since its holder was killed. A rejection leaves the mail for a later delivery.
   */
  claim(key: string, leaseMillis: number): Promise<Claim>;
}

export type Claim =
  | {
      readonly kind: 'claimed';
      /** Handled: nobody shall handle it again. */
      complete(): Promise<void>;
      /** Not handled: the next one may try at once. */
      release(): Promise<void>;
    }
  | { readonly kind: 'done' }
  | { readonly kind: 'in-progress' };

export interface MemoryIdempotencyOptions {
  /** The oldest are forgotten beyond it. Default 10,000. */
  readonly maxEntries?: number;
}

/** For tests, and for one process that is not restarted. */
export function memoryIdempotencyStore(options: MemoryIdempotencyOptions = {}): IdempotencyStore {
  const { maxEntries = 10_000 } = options;
  type Entry = { readonly done: boolean; readonly leaseUntil: number };
  const entries = new Map<string, Entry>();
  const put = (key: string, entry: Entry): void => {
    entries.delete(key);
    entries.set(key, entry);
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries) break;
      entries.delete(oldest);
    }
  };
  return {
    claim: async (key, leaseMillis) => {
      const now = Date.now();
      const existing = entries.get(key);
      if (existing?.done) return { kind: 'done' };
      if (existing !== undefined && existing.leaseUntil > now) return { kind: 'in-progress' };
      const claim: Entry = { done: false, leaseUntil: now + leaseMillis };
      put(key, claim);
      return {
        kind: 'claimed',
        complete: async () => put(key, { done: true, leaseUntil: 0 }),
        release: async () => {
          // Somebody else's by now, if the lease ran out.
          if (entries.get(key) === claim) entries.delete(key);
        },
      };
    },
  };
}
