import type { Clock } from '../counters/time-source.ts';
import type { Credential } from './credential.ts';
import { decoyFor, type DecoySource, hasFewIterations, makeDecoySource } from './decoys.ts';
import type { CredentialTable } from './table.ts';
import { isSlow } from './verifier.ts';

/** How old the source may grow; it changes once in the life of a table. */
const SOURCE_MILLISECONDS = 300_000;
/** When it is tried again after a failure. */
const RETRY_MILLISECONDS = 10_000;

/** Makes decoys from the table's own source, and until that is read from one of this process. */
export class DecoyKeeper {
  readonly #table: CredentialTable;
  readonly #clock: Clock;
  #source: DecoySource = makeDecoySource();
  #readAgainAt = Number.NEGATIVE_INFINITY;
  #isTried = false;
  #reading: Promise<void> | undefined;

  constructor(table: CredentialTable, clock: Clock) {
    this.#table = table;
    this.#clock = clock;
  }

  /** Known and unknown users wait alike for the first reading; the later ones go on behind them. */
  async prepare(): Promise<void> {
    if (this.#clock.now() < this.#readAgainAt) return;
    this.#reading ??= this.#read();
    if (!this.#isTried) await this.#reading;
  }

  decoyFor(username: string): Credential {
    return decoyFor(username, this.#source);
  }

  /** Decoys look from now on like the credential that was met. */
  saw(credential: Credential | undefined): void {
    if (credential === undefined) return;
    const { passwords, fewIterations } = this.#source;
    const isChosen = credential.secrets.some(({ verifier }) => isSlow(verifier));
    const hasFew = hasFewIterations(credential);
    if ((isChosen && !passwords) || (hasFew && !fewIterations)) {
      this.#source = {
        ...this.#source,
        passwords: passwords || isChosen,
        fewIterations: fewIterations || hasFew,
      };
    }
  }

  async #read(): Promise<void> {
    this.#readAgainAt = this.#clock.now() + SOURCE_MILLISECONDS;
    try {
      const source = await this.#table.readDecoySource();
      if (source !== undefined) {
        const { passwords, fewIterations } = this.#source;
        this.#source = {
          ...source,
          passwords: source.passwords || passwords,
          fewIterations: source.fewIterations || fewIterations,
        };
      }
    } catch {
      // The credential itself is about to be read from the same table, and that failure is reported.
      this.#readAgainAt = this.#clock.now() + RETRY_MILLISECONDS;
    } finally {
      this.#isTried = true;
      this.#reading = undefined;
    }
  }
}
