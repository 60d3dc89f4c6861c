// Remembers which secret was found to fit a slow verifier, so that a client that signs in again and again is
// hashed once. Holds no secret: only an HMAC of it, under a key that never leaves this process.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { BoundedMap } from '../counters/bounded-map.ts';
import type { Clock } from '../counters/time-source.ts';
import type { Verifier } from './verifier.ts';

/** How long a proof holds; the credential itself is read more often than that. */
const PROOF_MILLISECONDS = 300_000;

interface Proof {
  readonly version: number;
  /** The hash of the very verifier that was fitted: a version may come again after remove and add. */
  readonly hash: Buffer;
  readonly until: number;
}

export class ProvenSecrets {
  readonly #key = randomBytes(32);
  readonly #proofs: BoundedMap<Proof>;
  readonly #clock: Clock;

  constructor(entries: number, clock: Clock) {
    this.#proofs = new BoundedMap(entries);
    this.#clock = clock;
  }

  remember(username: string, secret: string, version: number, verifier: Verifier): void {
    this.#proofs.set(this.#nameOf(username, secret), {
      version,
      hash: verifier.hash,
      until: this.#clock.now() + PROOF_MILLISECONDS,
    });
  }

  /** The one of these verifiers, of this version of the credential, that the secret was found to fit. */
  provenBy(
    username: string,
    secret: string,
    version: number,
    verifiers: readonly Verifier[],
  ): Verifier | undefined {
    const name = this.#nameOf(username, secret);
    const proof = this.#proofs.get(name);
    if (proof === undefined) return undefined;
    const isCurrent = proof.until > this.#clock.now() && proof.version === version;
    const fitting = verifiers.find(
      ({ hash }) => hash.length === proof.hash.length && timingSafeEqual(hash, proof.hash),
    );
    if (isCurrent && fitting !== undefined) return fitting;
    this.#proofs.delete(name);
    return undefined;
  }

  #nameOf(username: string, secret: string): string {
    // A canonical user name has no NUL in it, so the two cannot be cut in another place.
    return createHmac('sha256', this.#key).update(`${username}\0${secret}`).digest('base64');
  }
}
