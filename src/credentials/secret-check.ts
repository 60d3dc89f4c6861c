// Checks a secret against verifiers: fast ones at once, slow ones on the thread pool, a few at a time, and
// each only once as long as its proof holds.
import { availableParallelism } from 'node:os';
import { type Credential, liveSecrets } from './credential.ts';
import { type Claimant, ConcurrencyLimit, overloaded } from './concurrency-limit.ts';
import type { ProvenSecrets } from './proven-secrets.ts';
import { isSlow, type Verifier, verifySecret } from './verifier.ts';

export interface HashingOptions {
  /**
   * Slow hashes at a time, each followed by a rest as long: half a core. Default: the cores but one, from 1 to
   * 2, since the thread pool serves others too, and mail is worth more than guesses.
   */
  readonly concurrency?: number;
  /** Sign-ins that may wait for a hash; beyond it 454. Default 25, about two seconds' worth. */
  readonly queue?: number;
}

export class SecretCheck {
  readonly #proven: ProvenSecrets;
  readonly #limit: ConcurrencyLimit;

  constructor(
    proven: ProvenSecrets,
    {
      concurrency = Math.min(2, Math.max(1, availableParallelism() - 1)),
      queue = 25,
    }: HashingOptions,
  ) {
    this.#proven = proven;
    this.#limit = new ConcurrencyLimit(concurrency, queue, true);
  }

  /**
   * The verifier of the credential's live secrets that the secret fits. Where it has none, the decoy's take their place,
   * so that it costs as much; the decoy fits nothing. `overloaded`: the secret was compared with nothing.
   */
  async fitting(
    credential: Credential | undefined,
    decoy: Credential,
    secret: string,
    now: number,
    claimant: Claimant,
  ): Promise<Verifier | typeof overloaded | undefined> {
    const live = credential === undefined ? [] : liveSecrets(credential, now);
    const verifiers = (live.length === 0 ? decoy.secrets : live).map(({ verifier }) => verifier);
    const known = live.length === 0 ? undefined : credential;
    if (!verifiers.some(isSlow)) {
      const fitting = await firstFit(verifiers, secret);
      return known && fitting;
    }
    // A place comes before any comparison: one that is compared is answered by the outcome and never by "overloaded".
    const place = this.#limit.claim(claimant);
    if (place === undefined) return overloaded;
    try {
      const before = claimant.isPreferred === true && this.#provenBy(known, secret, verifiers);
      if (before) return before;
      if (!(await place.turn)) return overloaded;
      const proven = this.#provenBy(known, secret, verifiers);
      if (proven !== undefined) return proven;
      const fitting = await firstFit(verifiers, secret);
      if (fitting === undefined || known === undefined) return undefined;
      if (isSlow(fitting)) {
        this.#proven.remember(known.username, secret, known.version, fitting);
      }
      return fitting;
    } finally {
      place.leave();
    }
  }

  #provenBy(
    credential: Credential | undefined,
    secret: string,
    verifiers: readonly Verifier[],
  ): Verifier | undefined {
    if (credential === undefined) return undefined;
    const { username, version } = credential;
    return this.#proven.provenBy(username, secret, version, verifiers);
  }
}

async function firstFit(
  verifiers: readonly Verifier[],
  secret: string,
): Promise<Verifier | undefined> {
  for (const verifier of verifiers) {
    if (await verifySecret(verifier, secret)) return verifier;
  }
  return undefined;
}
