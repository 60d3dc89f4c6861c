// Whether a zone is a list, and of what: by the entries that every list has, and those that none has (RFC 5782 section 5).
import type { MailLookups } from '../dns/resolver.ts';
import type { ListKind, TestFault } from './dns-list-options.ts';
import { readListAnswer } from './list-answer.ts';
import { testNames } from './query-name.ts';

export type TestResult =
  | { readonly kind: 'passed'; readonly entries: ListKind; readonly hasIpv6: boolean }
  | { readonly kind: 'failed'; readonly fault: TestFault };

/** `zone`: with its key. Without a `kind`, it is tested as a list of domains first: that does no harm to one of addresses. */
export async function testList(
  lookups: MailLookups,
  zone: string,
  kind: ListKind | undefined,
): Promise<TestResult> {
  if (kind !== 'address') {
    const domains = await testEntries(lookups, zone, testNames.domain);
    if (domains === undefined) return { kind: 'passed', entries: 'domain', hasIpv6: false };
    if (kind === 'domain' || domains !== 'not-listed') return { kind: 'failed', fault: domains };
  }
  const [ipv4, ipv6] = await Promise.all([
    testEntries(lookups, zone, testNames.ipv4),
    testEntries(lookups, zone, testNames.ipv6),
  ]);
  if (ipv4 !== undefined) return { kind: 'failed', fault: ipv4 };
  // Many lists have no IPv6 addresses, and are not asked about one.
  if (ipv6 !== undefined && ipv6 !== 'not-listed') return { kind: 'failed', fault: ipv6 };
  return { kind: 'passed', entries: 'address', hasIpv6: ipv6 === undefined };
}

/** `undefined`: as they should be. */
async function testEntries(
  lookups: MailLookups,
  zone: string,
  names: { readonly listed: string; readonly unlisted: string },
): Promise<TestFault | undefined> {
  const [listed, unlisted] = await Promise.all(
    [names.listed, names.unlisted].map(async (name) =>
      readListAnswer(await lookups.lookUp(`${name}.${zone}`, 'A')),
    ),
  );
  if (unlisted?.kind === 'listed') return 'everything-listed';
  for (const answer of [listed, unlisted]) {
    if (answer?.kind === 'unknown') return answer.reason;
  }
  return listed?.kind === 'listed' ? undefined : 'not-listed';
}
