import { type Finding, ok } from '../finding.ts';
import type { Subject } from '../subject.ts';
import type { DnsLookups, Lookup } from './lookups.ts';
import { undecided } from './undecided.ts';

/** A and AAAA of the host, which must be its own and not an alias. */
export async function checkAddresses(
  dns: DnsLookups,
  { host, addresses }: Pick<Subject, 'host' | 'addresses'>,
  lookup: Lookup<string>,
): Promise<Finding[]> {
  const records =
    addresses.length === 0
      ? `create the record "${host}. A ADDRESS"`
      : `create the records ${addresses.map((address) => `"${host}. A ${address}"`).join(', ')}`;
  if (lookup.kind === 'failed') return [undecided('A', host, lookup.code)];
  if (lookup.kind === 'none') {
    return [
      {
        level: 'failed',
        found: `${host} has no A or AAAA record`,
        why: 'no client can find the server',
        fix: records,
      },
    ];
  }
  const found: Finding[] = [];
  const alias = await dns.alias(host);
  if (alias.kind === 'found') {
    found.push({
      level: 'failed',
      found: `${host} is a CNAME of ${alias.records.join(', ')}`,
      why: 'an MX record must not name an alias (RFC 2181 section 10.3), and some servers do not deliver to one',
      fix: `delete the CNAME, then ${records}, or a Route 53 alias record`,
    });
  }
  const foreign = lookup.records.filter((address) => !addresses.includes(address));
  const v4 = foreign.filter((address) => !address.includes(':'));
  // The stack knows its IPv4 addresses only.
  if (addresses.length > 0 && v4.length > 0) {
    found.push({
      level: 'failed',
      found: `${host} has ${listed('address', v4)}, which is not among those of the stack (${addresses.join(', ')})`,
      why: 'clients connect to another server',
      fix: `delete ${v4.map((address) => `"${host}. A ${address}"`).join(', ')}, then ${records}`,
    });
  }
  const absent = addresses.filter((address) => !lookup.records.includes(address));
  if (absent.length > 0) {
    found.push({
      level: 'warning',
      found: `${host} lacks ${listed('address', absent)} of the stack`,
      why: 'if the zone of the other address fails, clients find no server',
      fix: `create the records ${absent.map((address) => `"${host}. A ${address}"`).join(', ')}`,
    });
  }
  return found.length > 0 ? found : [ok(`${host} has ${listed('address', lookup.records)}`)];
}

function listed(noun: string, items: readonly string[]): string {
  return `${items.length === 1 ? `the ${noun}` : `the ${noun}es`} ${items.join(', ')}`;
}
