// DMARC (RFC 9989): does a domain that SPF or DKIM has authenticated speak for that of From, and what does its owner ask for
// where none does. Beyond the RFC: mail whose author is not clear is `permerror`, with the strictest policy of the domains
// that it names, since a second mailbox would otherwise be a way around every policy.
import type { Author } from '../author/author.ts';
import type { CheckResult } from '../../judgement.ts';
import { type Alignment, AlignmentCheck } from './alignment.ts';
import {
  type DiscoveredPolicy,
  discoverPolicy,
  needsExistence,
  requestedPolicy,
  strictestPolicy,
} from './policy-discovery.ts';
import type { Policy } from './policy-record.ts';
import type { TreeWalks } from './tree-walk.ts';

/** What SPF or DKIM says of a domain. */
export interface Identifier {
  readonly result: CheckResult;
  /** Lower case, A-labels; `''` for none. */
  readonly domain: string;
  /** It leaves octets of the body unsigned. */
  readonly partial?: true;
}

export interface Dmarc {
  readonly result: 'pass' | 'fail' | 'none' | 'temperror' | 'permerror';
  /** What the domain owner asks for mail that does not pass; absent where there is no record, or where DNS failed. */
  readonly policy?: Policy;
  /** Whose policy that is: the domain of From, or for an unclear author the one with the strictest policy. */
  readonly policyOf?: string;
  /** Why it is neither pass nor fail. */
  readonly reason?: string;
  readonly spf: Alignment;
  /** In the order of the signatures. */
  readonly dkim: readonly Alignment[];
}

export interface DmarcRequest {
  readonly author: Author;
  /** The MAIL FROM identity, or for the null reverse-path `postmaster` at the HELO name (RFC 7208 section 2.4). */
  readonly spf: Identifier;
  readonly dkim: readonly Identifier[];
  readonly walks: TreeWalks;
}

export async function evaluateDmarc({ author, spf, dkim, walks }: DmarcRequest): Promise<Dmarc> {
  if (author.kind !== 'mailbox') {
    const none: Alignment = 'unaligned';
    const unaligned = { spf: none, dkim: dkim.map(() => none) };
    if (author.kind === 'none') return { result: 'none', reason: 'no From field', ...unaligned };
    const strictest = await strictestPolicy(author.domains, walks);
    return {
      result: 'permerror',
      ...(strictest && { policy: strictest.policy, policyOf: strictest.domain }),
      reason: author.reason,
      ...unaligned,
    };
  }

  const walk = await walks.walk(author.domain);
  const discovered = discoverPolicy(author.domain, walk);
  const isStrict = strictnessOf(discovered);
  const alignment = new AlignmentCheck(author.domain, walk, walks);
  // SPF first, so that signatures cannot use up the walks that it needs.
  const [ofSpf, ...ofDkim] = await Promise.all([
    alignment.of(spf.domain, isStrict.spf),
    ...dkim.map(({ domain }) => alignment.of(domain, isStrict.dkim)),
  ]);
  const alignments = { spf: ofSpf, dkim: ofDkim };
  if (discovered.kind === 'none') return { result: 'none', ...alignments };
  if (discovered.kind === 'failed') {
    return { result: 'temperror', reason: 'DNS did not tell the policy', ...alignments };
  }

  const identifiers = [spf, ...dkim].map((identifier, index) => ({
    ...identifier,
    alignment: index === 0 ? ofSpf : (ofDkim[index - 1] ?? 'unaligned'),
  }));
  const proofs = identifiers.filter(({ partial }) => partial !== true);
  const isPass = proofs.some((each) => each.result === 'pass' && each.alignment === 'aligned');
  // Whether the domain exists is asked only where the policy will apply.
  const requested =
    isPass && needsExistence(discovered)
      ? undefined
      : requestedPolicy(author.domain, discovered, walks);
  const policy = await requested;
  const asked = { ...(policy !== undefined && { policy, policyOf: author.domain }) };
  if (isPass) return { result: 'pass', ...asked, ...alignments };
  // RFC 9989 section 5.3.6: what could have been a pass, had DNS answered, is no fail.
  const isOpen = proofs.some(
    ({ result, alignment: each }) =>
      each !== 'unaligned' && (result === 'temperror' || result === 'pass'),
  );
  if (isOpen) return { result: 'temperror', reason: 'DNS did not answer', ...alignments };
  if (policy === undefined) {
    return { result: 'temperror', reason: 'DNS did not tell the policy', ...alignments };
  }
  return { result: 'fail', ...asked, ...alignments };
}

/** Without a record, alignment is relaxed. */
function strictnessOf(discovered: DiscoveredPolicy): { spf: boolean; dkim: boolean } {
  if (discovered.kind !== 'record') return { spf: false, dkim: false };
  const { isStrictSpf, isStrictDkim } = discovered.record;
  return { spf: isStrictSpf, dkim: isStrictDkim };
}
