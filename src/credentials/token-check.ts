// OAUTHBEARER (RFC 7628) and XOAUTH2 tokens: JSON Web Tokens that an issuer signed, checked against its
// published keys.
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  errors,
  type JWTPayload,
  jwtVerify,
  type RemoteJWKSet,
} from 'jose';
import type { Clock } from '../counters/time-source.ts';
import { type Claimant, ConcurrencyLimit, overloaded } from './concurrency-limit.ts';

/** Whose tokens are taken, and for what. */
export interface TokenIssuer {
  /** The `iss` claim, exactly. */
  readonly issuer: string;
  /** The `aud` claim, or in access tokens of Amazon Cognito, which have none, the `client_id` claim. */
  readonly audience: string | readonly string[];
  /** Where its keys are. Default: `<issuer>/.well-known/jwks.json`, as Amazon Cognito has it. */
  readonly jwksUri?: string;
  /**
   * The claim that names the user. Default `sub`; `email` or `username` are others. `email` counts only beside
   * `email_verified: true`.
   */
  readonly usernameClaim?: string;
  /**
   * Whether the user must also have a row in the credential table (`credentials add NAME --token-only`).
   * Default `true`. With `false` no row is read: every user of the issuer signs in, with no grants and no restrictions,
   * and is named by issuer and claim.
   */
  readonly requireCredential?: boolean;
}

export type TokenVerdict =
  | {
      readonly kind: 'valid';
      readonly issuer: string;
      /** The claim, exactly. */
      readonly name: string;
      readonly requireCredential: boolean;
    }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'unavailable'; readonly error: string }
  | { readonly kind: 'overloaded' };

/** Signatures only: a token that is signed by a shared secret, or by none, was signed by anybody. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** A name goes to logs, keys and header fields: no control, format or unassigned characters. */
const NAME = /^[^\p{C}\p{Zl}\p{Zp}]{1,255}$/u;
const CLOCK_TOLERANCE_SECONDS = 30;
const JWKS_DEADLINE_MILLISECONDS = 3000;
/** Tokens checked at one time, and those that may wait for it (or for the issuer's keys). */
const TOKEN_CONCURRENCY = 16;
const TOKEN_QUEUE = 128;

interface Source {
  readonly issuer: TokenIssuer;
  readonly remote: RemoteJWKSet;
  fetchedAt: number;
}

export class TokenCheck {
  readonly #sources: readonly Source[];
  readonly #clock: Clock;
  readonly #graceMilliseconds: number;
  readonly #limit = new ConcurrencyLimit(TOKEN_CONCURRENCY, TOKEN_QUEUE);

  constructor(issuers: readonly TokenIssuer[], clock: Clock, graceSeconds: number) {
    this.#clock = clock;
    this.#graceMilliseconds = graceSeconds * 1000;
    this.#sources = issuers.map((issuer) => ({
      issuer,
      remote: createRemoteJWKSet(
        new URL(issuer.jwksUri ?? `${issuer.issuer.replace(/\/$/, '')}/.well-known/jwks.json`),
        { timeoutDuration: JWKS_DEADLINE_MILLISECONDS },
      ),
      fetchedAt: Number.NEGATIVE_INFINITY,
    }));
  }

  async check(token: string, claimant: Claimant): Promise<TokenVerdict> {
    const verdict = await this.#limit.run(claimant, () => this.#check(token));
    return verdict === overloaded ? { kind: 'overloaded' } : verdict;
  }

  async #check(token: string): Promise<TokenVerdict> {
    const source = this.#sourceOf(token);
    if (source === undefined) return { kind: 'invalid' };
    const { issuer } = source;
    try {
      const payload = await this.#verify(token, source);
      const { usernameClaim = 'sub', requireCredential = true } = issuer;
      const name = payload[usernameClaim];
      if (!isFor(payload, issuer.audience) || typeof name !== 'string' || !NAME.test(name)) {
        return { kind: 'invalid' };
      }
      // OpenID Connect Core 1.0 section 5.7: an address is the user's only if the issuer has verified it.
      if (usernameClaim === 'email' && payload['email_verified'] !== true) {
        return { kind: 'invalid' };
      }
      return { kind: 'valid', issuer: issuer.issuer, name, requireCredential };
    } catch (error) {
      if (!(error instanceof errors.JOSEError) || isOutage(error)) {
        return { kind: 'unavailable', error: error instanceof Error ? error.name : 'unknown' };
      }
      return { kind: 'invalid' };
    }
  }

  /** The issuer whose keys to try; what the token says is believed only once a signature says so. */
  #sourceOf(token: string): Source | undefined {
    try {
      const { iss } = decodeJwt(token);
      return this.#sources.find(({ issuer }) => issuer.issuer === iss);
    } catch {
      return undefined;
    }
  }

  async #verify(token: string, source: Source): Promise<JWTPayload> {
    const options = {
      issuer: source.issuer.issuer,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(this.#clock.now()),
      requiredClaims: ['exp'],
    };
    try {
      const { payload } = await jwtVerify(token, source.remote, options);
      if (source.remote.fresh) source.fetchedAt = this.#clock.now();
      return payload;
    } catch (error) {
      // The issuer cannot be asked: the keys that it last published hold for the grace.
      const keys = source.remote.jwks();
      const usable = this.#clock.now() - source.fetchedAt < this.#graceMilliseconds;
      const outage = !(error instanceof errors.JOSEError) || isOutage(error);
      if (!outage || keys === undefined || !usable) throw error;
      return (await jwtVerify(token, createLocalJWKSet(keys), options)).payload;
    }
  }
}

/** Whether it is the issuer's keys that are out of reach, and not the token that is wrong. */
function isOutage(error: errors.JOSEError): boolean {
  // A bare JOSEError: the answer was not 200, or not JSON.
  return ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'].includes(error.code);
}

function isFor(
  { aud, client_id: clientId }: JWTPayload,
  audience: TokenIssuer['audience'],
): boolean {
  const named = [aud ?? clientId].flat();
  return [audience].flat().some((wanted) => named.includes(wanted));
}
