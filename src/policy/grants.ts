import type { Identity } from '../smtp/index.ts';

/** What the holder of a credential may do after sign-in. An absent field does not restrict. */
export interface Grants {
  /** Address patterns (README.md in this folder) of reverse-paths, and `<>` for the null one. */
  readonly allowedSenders?: readonly string[];
  /** Address patterns of forward-paths. */
  readonly allowedRecipients?: readonly string[];
  /** Networks from which the holder may sign in, like `192.0.2.0/24`; an address is a network of one. */
  readonly allowedCidrs?: readonly string[];
  /** Octets. */
  readonly maxMessageSize?: number;
  readonly rate?: Rate;
  /** The key prefix of this holder's objects, in place of the configured one. */
  readonly prefix?: string;
  /** The topic of this holder's notifications, in place of the configured one. */
  readonly topicArn?: string;
}

/** The most messages and octets in each period. */
export interface Rate {
  readonly messages?: number;
  readonly octets?: number;
  readonly periodSeconds: number;
}

const issued = new WeakSet<object>();

/** Registers grants that were read from the credential table, so that `grantsOf` trusts them. */
export function issueGrants(grants: Grants): Grants {
  issued.add(grants);
  return grants;
}

const renewed = new WeakMap<Identity, Grants>();

/** Puts newer grants of its credential in the place of those that the identity was given. */
export function renewGrants(identity: Identity, grants: Grants): void {
  if (identity.grants !== grants) renewed.set(identity, issueGrants(grants));
}

/** The grants of this identity that came from the credential table; none for an identity from elsewhere. */
export function grantsOf(identity: Identity | null): Grants | undefined {
  const grants = identity === null ? undefined : (renewed.get(identity) ?? identity.grants);
  return isIssued(grants) ? grants : undefined;
}

function isIssued(grants: unknown): grants is Grants {
  return typeof grants === 'object' && grants !== null && issued.has(grants);
}
