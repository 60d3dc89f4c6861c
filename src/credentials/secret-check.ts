// Checks a secret against verifiers: fast ones at once, slow ones on the thread pool, a few at a time, and
// each only once as long as its proof holds.
import { availableParallelism } from 'node:os';
import { type Credential, liveSecrets } from './credential.ts';
import { ConcurrencyLimit, overloaded } from './concurrency-limit.ts';
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
   * Whether the secret is one of the credential's live ones. Where it has none, the decoy's take their place,
   * so that it costs as much; the decoy fits nothing.
   */
  async fits(
    credential: Credential | undefined,
    decoy: Credential,
    secret: string,
    now: number,
  ): Promise<boolean | typeof overloaded> {
    const live = credential === undefined ? [] : liveSecrets(credential, now);
    if (credential === undefined || live.length === 0) {
      const outcome = await this.#firstFit(decoy.secrets, secret);
      return outcome === overloaded ? overloaded : false;
    }
    const { username, version } = credential;
    const verifiers = live.map(({ verifier }) => verifier);
    if (verifiers.some(isSlow) && this.#proven.isProven(username, secret, version, verifiers)) {
      return true;
    }
    const fitting = await this.#firstFit(live, secret);
    if (fitting === overloaded) return overloaded;
    if (fitting === undefined) return false;
    if (isSlow(fitting)) this.#proven.remember(username, secret, version, fitting);
    return true;
  }

  async #firstFit(
    secrets: readonly { readonly verifier: Verifier }[],
    secret: string,
  ): Promise<Verifier | undefined | typeof overloaded> {
    for (const { verifier } of secrets) {
      const check = (): Promise<boolean> => verifySecret(verifier, secret);
      const fits = isSlow(verifier) ? await this.#limit.run(check) : await check();
      if (fits === overloaded) return overloaded;
      if (fits) return verifier;
    }
    return undefined;
  }
}
