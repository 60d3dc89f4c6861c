// Credentials as sign-in sees them: read from the table, kept for less than a minute, and for longer only
// while the table cannot be read.
import { BoundedMap } from '../counters/bounded-map.ts';
import type { Clock } from '../counters/time-source.ts';
import type { Credential } from './credential.ts';
import { UnreadableCredentialError } from './item.ts';
import { type Claimant, ConcurrencyLimit, overloaded } from './concurrency-limit.ts';
import type { CredentialTable } from './table.ts';

export interface CacheOptions {
  /**
   * How long a credential that was read is used without asking again. Default 50, so that one that was taken
   * back stops within a minute. 0 asks every time.
   */
  readonly seconds?: number;
  /** While the table cannot be read: how old a credential may be and still sign in. Default 900. */
  readonly graceSeconds?: number;
  /** How many credentials, and proofs of slow hashes, are kept. Default 10,000. */
  readonly entries?: number;
}

export interface Reading {
  /** `undefined`: there is none of that name, and the table itself said so. */
  readonly credential: Credential | undefined;
  readonly source: 'table' | 'cache' | 'stale';
}

/** More readings than may be waited for: the table is slow, or the server is flooded. */
export class ReadOverloadError extends Error {
  override readonly name = 'ReadOverloadError';
  readonly code = 'MAILSLUICE_CREDENTIAL_READ_OVERLOAD';
}

/** Readings in flight, and those that may wait: a reading is a few milliseconds and a few kilobytes. */
const READ_CONCURRENCY = 64;
const READ_QUEUE = 128;
/** A client waits: the SDK's tries, each with its own timeout, end here whatever is left of them. */
const READ_DEADLINE_MILLISECONDS = 3000;
/**
 * After so many failures on end what is cached is used without another wait, until it is tried again. A single
 * failure must not do that: where every tenth reading fails, a revoked credential would live on.
 */
const FAILURE_STREAK = 3;
const RETRY_MILLISECONDS = 2000;

interface Entry {
  readonly credential: Credential;
  readonly readAt: number;
}

export class CredentialReader {
  readonly #table: CredentialTable;
  readonly #clock: Clock;
  readonly #freshMilliseconds: number;
  readonly #graceMilliseconds: number;
  readonly #entries: BoundedMap<Entry>;
  readonly #limit = new ConcurrencyLimit(READ_CONCURRENCY, READ_QUEUE);
  /** Bounded by the concurrency limit and its queue. */
  readonly #inFlight = new Map<string, Promise<Credential | undefined>>();
  readonly #failed: (error: unknown) => void;
  #failures = 0;
  #failedAt = Number.NEGATIVE_INFINITY;

  /** `failed` hears of every reading that failed, also where the cache then helped. */
  constructor(
    table: CredentialTable,
    clock: Clock,
    { seconds = 50, graceSeconds = 900, entries = 10_000 }: CacheOptions,
    failed: (error: unknown) => void,
  ) {
    this.#table = table;
    this.#clock = clock;
    this.#freshMilliseconds = seconds * 1000;
    this.#graceMilliseconds = graceSeconds * 1000;
    this.#entries = new BoundedMap(entries);
    this.#failed = failed;
  }

  /** From the cache where it is fresh, else from the table; from an older cache where the table fails. */
  async read(username: string, claimant: Claimant): Promise<Reading> {
    const entry = this.#entries.get(username);
    const age = entry === undefined ? 0 : this.#clock.now() - entry.readAt;
    if (entry !== undefined && age < this.#freshMilliseconds) {
      return { credential: entry.credential, source: 'cache' };
    }
    return this.#readOrFallBack(username, () => this.#joinedRead(username, claimant));
  }

  /** From the table, begun after this call; from the cache only where the table fails. */
  async readAnew(username: string, claimant: Claimant): Promise<Reading> {
    return this.#readOrFallBack(username, () => this.#readTable(username, claimant));
  }

  async #readOrFallBack(
    username: string,
    read: () => Promise<Credential | undefined>,
  ): Promise<Reading> {
    const entry = this.#entries.get(username);
    const now = this.#clock.now();
    const usable = entry !== undefined && now - entry.readAt < this.#graceMilliseconds;
    const isDown = this.#failures >= FAILURE_STREAK && now - this.#failedAt < RETRY_MILLISECONDS;
    if (usable && isDown) {
      return { credential: entry.credential, source: 'stale' };
    }
    try {
      return { credential: await read(), source: 'table' };
    } catch (error) {
      this.#failed(error);
      // The table answered, and the row is not what was cached: that is no outage.
      if (error instanceof UnreadableCredentialError) throw error;
      if (usable) return { credential: entry.credential, source: 'stale' };
      throw error;
    }
  }

  #joinedRead(username: string, claimant: Claimant): Promise<Credential | undefined> {
    // Of one client only: what another client began may be turned away for that client's sake.
    const name = `${claimant.client} ${username}`;
    const inFlight = this.#inFlight.get(name);
    if (inFlight !== undefined) return inFlight;
    const reading = this.#readTable(username, claimant).finally(() => this.#inFlight.delete(name));
    this.#inFlight.set(name, reading);
    return reading;
  }

  async #readTable(username: string, claimant: Claimant): Promise<Credential | undefined> {
    const begun = this.#clock.now();
    const outcome = await this.#limit.run(claimant, async () => {
      try {
        const deadline = AbortSignal.timeout(READ_DEADLINE_MILLISECONDS);
        const credential = await this.#table.read(username, deadline);
        this.#failures = 0;
        return credential;
      } catch (error) {
        if (!(error instanceof UnreadableCredentialError)) {
          this.#failures++;
          this.#failedAt = this.#clock.now();
        }
        throw error;
      }
    });
    if (outcome === overloaded) throw new ReadOverloadError('too many sign-ins wait for the table');
    if (outcome === undefined) this.#entries.delete(username);
    else this.#entries.set(username, { credential: outcome, readAt: begun });
    return outcome;
  }
}
