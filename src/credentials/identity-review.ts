// Who has signed in is looked at again at each MAIL, so that a change to a credential reaches open sessions too. What XCLIENT
// says of a user is looked at here for the first time.
import type { Identity, SessionFacts } from '../smtp/index.ts';
import type { Clock } from '../counters/time-source.ts';
import { clientNetwork } from '../net/addresses.ts';
import { NetworkSet } from '../net/networks.ts';
import type { Grants } from '../policy/grants.ts';
import { type Credential, isInForce } from './credential.ts';
import type { CredentialReader } from './credential-reader.ts';
import type { CredentialEvent, RefusalCause } from './events.ts';
import { type SignInProof, stillHolds } from './sign-in-proof.ts';
import { canonicalUsername } from './username.ts';

/** What holds of an identity now. */
export type Review =
  /** It has no credential: a token without one, or the word of a proxy. */
  | { readonly kind: 'without-credential' }
  /** The credential allows this, and it may be other than at sign-in. */
  | { readonly kind: 'valid'; readonly grants: Grants }
  /**
   * The credential was disabled, removed, has expired, is not for this network any more, or does not take the secret or
   * the token by which the session signed in.
   */
  | { readonly kind: 'revoked' }
  /** The table cannot be read, and what was read is too old. */
  | { readonly kind: 'unavailable' };

/** The identity is the word of a trusted proxy. */
const BY_PROXY = 'XCLIENT';

/** The rule that forbids a session to use the credential; `undefined` if none does. */
export function ruleAgainst(
  credential: Credential,
  { clientAddress }: Pick<SessionFacts, 'clientAddress'>,
  now: number,
): RefusalCause | undefined {
  if (!isInForce(credential, now)) return credential.enabled ? 'expired' : 'disabled';
  const { allowedCidrs } = credential.grants;
  if (allowedCidrs === undefined || networksOf(allowedCidrs).has(clientAddress)) return undefined;
  return 'address-not-allowed';
}

/** A credential stays in the cache, and what its networks were parsed to with it. */
const networkSets = new WeakMap<readonly string[], NetworkSet>();

function networksOf(allowedCidrs: readonly string[]): NetworkSet {
  let networks = networkSets.get(allowedCidrs);
  if (networks === undefined) {
    networks = new NetworkSet(allowedCidrs);
    networkSets.set(allowedCidrs, networks);
  }
  return networks;
}

export class IdentityReview {
  readonly #reader: CredentialReader;
  readonly #clock: Clock;
  readonly #observe: (event: CredentialEvent) => void;
  /** Goes with the identity. */
  readonly #proofs = new WeakMap<Identity, SignInProof>();

  constructor(reader: CredentialReader, clock: Clock, observe: (event: CredentialEvent) => void) {
    this.#reader = reader;
    this.#clock = clock;
    this.#observe = observe;
  }

  /** By what the session of this identity has signed in. */
  remember(identity: Identity, proof: SignInProof): void {
    this.#proofs.set(identity, proof);
  }

  /** Never rejects. From the cache where it is fresh: less than a minute. */
  async review(session: SessionFacts): Promise<Review> {
    const { identity } = session;
    if (identity === null) return { kind: 'without-credential' };
    const { username: name, mechanism } = identity;
    const isByProxy = mechanism === BY_PROXY;
    if (!isByProxy && identity.grants === undefined) return { kind: 'without-credential' };
    const username = canonicalUsername(name);
    if (username === undefined) return this.#withoutCredential(session);
    try {
      const claimant = { client: clientNetwork(session.clientAddress), isPreferred: true };
      const { credential, source } = await this.#reader.read(username, claimant);
      if (credential === undefined) {
        return isByProxy ? this.#withoutCredential(session) : { kind: 'revoked' };
      }
      // Of an old copy only good news is believed.
      const now = this.#clock.now();
      const proof = this.#proofs.get(identity);
      const isProven = proof === undefined || stillHolds(proof, credential, now);
      if (!isProven || ruleAgainst(credential, session, now) !== undefined) {
        return source === 'stale' ? { kind: 'unavailable' } : { kind: 'revoked' };
      }
      return { kind: 'valid', grants: credential.grants };
    } catch {
      // The reader has reported it.
      return { kind: 'unavailable' };
    }
  }

  #withoutCredential(session: SessionFacts): Review {
    const { sessionId, listener, clientAddress, clientPort } = session;
    const peer = { sessionId, listener, clientAddress, clientPort };
    this.#observe({ kind: 'identity-without-credential', ...peer, mechanism: BY_PROXY });
    return { kind: 'without-credential' };
  }
}
