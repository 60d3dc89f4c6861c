import type { Clock } from './clock.ts';
import type { Credential } from './credential.ts';
import { decoyFor, type DecoySource, makeDecoySource } from './decoys.ts';
import type { CredentialTable } from './table.ts';

/** How old the source may grow; it changes once in the life of a table. */
const SOURCE_MILLISECONDS = 300_000;

/** Makes decoys from the table's own source, and until that is read from one of this process. */
export class DecoyKeeper {
  readonly #table: CredentialTable;
  readonly #clock: Clock;
  #source: DecoySource = makeDecoySource();
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(table: CredentialTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  /** Known and unknown users wait alike for the source, and once in five minutes. */
  async prepare(): Promise<void> {
    if (this.#clock.now() - this.#readAt < SOURCE_MILLISECONDS) return;
    this.#reading ??= this.#read();
    await this.#reading;
  }

  decoyFor(username: string): Credential {
    return decoyFor(username, this.#source);
  }

  /** A chosen password was met: decoys may look like that from now on. */
  sawPassword(): void {
    if (!this.#source.passwords) this.#source = { ...this.#source, passwords: true };
  }

  async #read(): Promise<void> {
    try {
      const source = await this.#table.readDecoySource();
      if (source !== undefined) {
        this.#source = { ...source, passwords: source.passwords || this.#source.passwords };
      }
    } catch {
      // The credential itself is about to be read from the same table, and that failure is told.
    } finally {
      this.#readAt = this.#clock.now();
      this.#reading = undefined;
    }
  }
}
