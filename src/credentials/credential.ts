import type { Grants } from '../policy/grants.ts';
import type { ScramKeys, ScramSetting } from './scram-keys.ts';
import type { Verifier } from './verifier.ts';

/** How many secrets may be valid at once: the current one, and the old one until its end date. */
export const MAX_SECRETS = 2;

/** One secret of a credential, by what can be checked and not recovered. */
export interface StoredSecret {
  readonly kind: 'generated' | 'password' | 'imported';
  readonly verifier: Verifier;
  /** Absent: an imported hash, from which no SCRAM keys can be made, or a password kept from SCRAM. */
  readonly scram?: ScramKeys;
  readonly createdAt: Date;
  /** From then on this secret does not work; how a rotation ends. */
  readonly expiresAt?: Date;
}

/** One row of the credential table. */
export interface Credential {
  /** Canonical: see `canonicalUsername`. */
  readonly username: string;
  /** Counts the changes; a cached sign-in holds for one version only. Not changed by `lastUsedAt`. */
  readonly version: number;
  readonly enabled: boolean;
  /** The newest first; at most `MAX_SECRETS`; none where only tokens sign in. */
  readonly secrets: readonly StoredSecret[];
  readonly scram?: ScramSetting;
  /** Issuers whose tokens sign this user in. Absent: those of every configured issuer if there is no secret, else none. */
  readonly tokenIssuers?: readonly string[];
  /** The name in the token, exactly, where it is not the canonical user name. */
  readonly tokenName?: string;
  readonly grants: Grants;
  /** From then on nothing signs in. Checked in code: DynamoDB's TTL only cleans up, days later. */
  readonly expiresAt?: Date;
  readonly note?: string;
  readonly createdAt: Date;
  /** Best effort, at most once in five minutes. */
  readonly lastUsedAt?: Date;
}

/** Whether a token of this issuer, with this name in it, signs the user in. */
export function allowsToken(
  { username, secrets, tokenIssuers, tokenName = username }: Credential,
  issuer: string,
  name: string,
): boolean {
  if (name !== tokenName) return false;
  return tokenIssuers === undefined ? secrets.length === 0 : tokenIssuers.includes(issuer);
}

/** Whether the credential as a whole is in force. */
export function isInForce(credential: Credential, now: number): boolean {
  return credential.enabled && !isPast(credential.expiresAt, now);
}

/** The secrets that work at `now`, whatever the state of the credential as a whole. */
export function liveSecrets(credential: Credential, now: number): StoredSecret[] {
  return credential.secrets.filter(({ expiresAt }) => !isPast(expiresAt, now));
}

function isPast(moment: Date | undefined, now: number): boolean {
  return moment !== undefined && moment.getTime() <= now;
}
