// The policy that applies to a domain (RFC 9989 section 4.10.1).
import {
  appliedPolicies,
  isStricter,
  type Policy,
  type PolicyRecord,
  testedPolicy,
} from './policy-record.ts';
import { organizationalDomain, type TreeWalks, type Walk } from './tree-walk.ts';

export type DiscoveredPolicy =
  | {
      readonly kind: 'record';
      readonly record: PolicyRecord;
      /** The name that publishes the record. */
      readonly policyDomain: string;
      /** The record is that of a parent. */
      readonly isInherited: boolean;
    }
  /** No record, or one that does not apply. */
  | { readonly kind: 'none' }
  | { readonly kind: 'failed' };

type RecordPolicy = DiscoveredPolicy & { readonly kind: 'record' };

/** `walk`: from `domain`. */
export function discoverPolicy(domain: string, walk: Walk): DiscoveredPolicy {
  const { found } = walk;
  const own = found.find((each) => each.domain === domain);
  if (own === undefined && walk.isCutShort) return { kind: 'failed' };
  const organization = organizationalDomain(domain, walk);
  const applied =
    own ??
    found.find((each) => each.domain === organization) ??
    found.find(({ record }) => record.psd === 'y');
  if (applied === undefined || appliedPolicies(applied.record) === undefined)
    return { kind: 'none' };
  const { record, domain: policyDomain } = applied;
  return { kind: 'record', record, policyDomain, isInherited: policyDomain !== domain };
}

/** Whether it depends on the existence of the domain what the record asks for. */
export function needsExistence({ record, isInherited }: RecordPolicy): boolean {
  const policies = appliedPolicies(record);
  if (policies === undefined || !isInherited || policies.np === undefined) return false;
  return policies.np !== (policies.sp ?? policies.p);
}

/**
 * What the record asks for mail of `domain` that fails; `undefined`: DNS does not say whether `domain` exists, which
 * decides between `np` and `sp`.
 */
export async function requestedPolicy(
  domain: string,
  discovered: RecordPolicy,
  walks: TreeWalks,
): Promise<Policy | undefined> {
  const { record, isInherited } = discovered;
  const policies = appliedPolicies(record);
  if (policies === undefined) return 'none';
  let policy = isInherited ? (policies.sp ?? policies.p) : policies.p;
  if (needsExistence(discovered)) {
    const exists = await walks.exists(domain);
    if (exists === undefined) return undefined;
    if (!exists) policy = policies.np ?? policy;
  }
  return record.isTest ? testedPolicy(policy) : policy;
}

export interface DomainPolicy {
  readonly policy: Policy;
  readonly domain: string;
}

/** The strictest policy of several domains, and whose it is; of equal ones, the first. Domains whose policy DNS does not tell have none. */
export async function strictestPolicy(
  domains: readonly string[],
  walks: TreeWalks,
): Promise<DomainPolicy | undefined> {
  const policies = await Promise.all(
    domains.map(async (domain) => {
      const discovered = discoverPolicy(domain, await walks.walk(domain));
      if (discovered.kind !== 'record') return undefined;
      return requestedPolicy(domain, discovered, walks);
    }),
  );
  let strictest: DomainPolicy | undefined;
  for (const [index, policy] of policies.entries()) {
    const domain = domains[index] ?? '';
    if (policy === undefined) continue;
    if (strictest === undefined || isStricter(policy, strictest.policy))
      strictest = { policy, domain };
  }
  return strictest;
}
