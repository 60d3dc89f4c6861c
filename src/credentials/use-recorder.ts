// Notes in the table when a credential was last used: best effort, behind the answer to the client.
import { BoundedMap } from '../counters/bounded-map.ts';
import type { Clock } from '../counters/time-source.ts';
import type { Credential } from './credential.ts';
import type { CredentialTable } from './table.ts';

/** At most one write in this time for a credential. */
const INTERVAL_MILLISECONDS = 300_000;
/** Writes under way at one time; a use beyond that is noted the next time. */
const MAX_WRITES = 16;

export class UseRecorder {
  readonly #table: CredentialTable;
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  readonly #recordedAt = new BoundedMap<number>(10_000);
  readonly #writes = new Set<Promise<void>>();
  #allowed = true;

  constructor(table: CredentialTable, clock: Clock, failed: (error: unknown) => void) {
    this.#table = table;
    this.#clock = clock;
    this.#failed = failed;
  }

  record({ username, lastUsedAt }: Credential): void {
    const now = this.#clock.now();
    const before = Math.max(this.#recordedAt.get(username) ?? 0, lastUsedAt?.getTime() ?? 0);
    if (!this.#allowed || now - before < INTERVAL_MILLISECONDS) return;
    if (this.#writes.size >= MAX_WRITES) return;
    this.#recordedAt.set(username, now);
    const write = this.#write(username, now).finally(() => this.#writes.delete(write));
    this.#writes.add(write);
  }

  /** Settles when what was begun is written. */
  async settled(): Promise<void> {
    await Promise.all(this.#writes);
  }

  async #write(username: string, now: number): Promise<void> {
    try {
      await this.#table.recordUse(username, new Date(now));
    } catch (error) {
      // Without the right to write there is no use in asking again and again.
      if (error instanceof Error && error.name === 'AccessDeniedException') this.#allowed = false;
      this.#failed(error);
    }
  }
}
