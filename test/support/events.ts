// Collects a server's events and lets a test wait for one instead of sleeping.
import type { ServerEvent } from '../../src/server/index.ts';

type OfKind<K extends ServerEvent['kind']> = Extract<ServerEvent, { kind: K }>;

export class EventLog {
  readonly all: ServerEvent[] = [];
  readonly #waiting = new Set<() => void>();

  readonly observe = (event: ServerEvent): void => {
    this.all.push(event);
    for (const wake of this.#waiting) wake();
  };

  of<K extends ServerEvent['kind']>(kind: K): OfKind<K>[] {
    return this.all.filter((event): event is OfKind<K> => event.kind === kind);
  }

  /** The first event of this kind that fits, whether it came already or comes yet. */
  async next<K extends ServerEvent['kind']>(
    kind: K,
    fits: (event: OfKind<K>) => boolean = () => true,
  ): Promise<OfKind<K>> {
    for (;;) {
      const found = this.of(kind).find(fits);
      if (found) return found;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
    }
  }
}
