import type { Identity } from '../smtp/index.ts';

/** What a credential's holder may do once signed in. Absent means not restricted by the credential. */
export interface Grants {
  /** Patterns of reverse-paths: an address, `*@domain`, `*@*.domain`, `local@*` or `*`. */
  readonly allowedSenders?: readonly string[];
  /** Patterns of forward-paths, likewise. */
  readonly allowedRecipients?: readonly string[];
  /** Networks to sign in from, as `192.0.2.0/24`; an address alone is a network of one. */
  readonly allowedCidrs?: readonly string[];
  /** Octets. */
  readonly maxMessageSize?: number;
  readonly rate?: Rate;
  /** The tenant's own key prefix in the bucket. */
  readonly prefix?: string;
  /** The topic to announce this holder's mail on, instead of the configured one. */
  readonly topicArn?: string;
}

/** At most so many messages and so many octets in each period. */
export interface Rate {
  readonly messages?: number;
  readonly octets?: number;
  readonly periodSeconds: number;
}

const issued = new WeakSet<object>();

/** Marks the grants as ours, for `grantsOf`. */
export function issueGrants(grants: Grants): Grants {
  issued.add(grants);
  return grants;
}

/** The grants that the credential table gave to this identity; none for an identity from elsewhere. */
export function grantsOf(identity: Identity | null): Grants | undefined {
  const grants = identity?.grants;
  return isIssued(grants) ? grants : undefined;
}

function isIssued(grants: unknown): grants is Grants {
  return typeof grants === 'object' && grants !== null && issued.has(grants);
}
