import { type Finding, ok } from '../finding.ts';
import type { DnsLookups } from './lookups.ts';
import { undecided } from './undecided.ts';

/** The MX records of a domain: this host is among them. */
export async function checkExchanges(
  dns: DnsLookups,
  host: string,
  domain: string,
): Promise<Finding[]> {
  const lookup = await dns.exchanges(domain);
  const create = `create the record "${domain}. MX 10 ${host}."`;
  if (lookup.kind === 'failed') return [undecided('MX', domain, lookup.code)];
  if (lookup.kind === 'none') {
    // RFC 5321 section 5.1: without MX, the address of the domain is its mail server.
    if (domain === host) {
      return [ok(`${domain} has no MX record, so its mail goes to its own address`)];
    }
    return [
      {
        level: 'failed',
        found: `${domain} has no MX record`,
        why: 'other servers do not deliver its mail here',
        fix: create,
      },
    ];
  }
  const records = lookup.records.toSorted((a, b) => a.priority - b.priority);
  if (records.some(({ exchange }) => exchange === '' || exchange === '.')) {
    return [
      {
        level: 'failed',
        found: `${domain} has a null MX record`,
        why: 'it says that the domain takes no mail (RFC 7505)',
        fix: `delete "${domain}. MX 0 .", then ${create}`,
      },
    ];
  }
  const names = records.map(({ priority, exchange }) => `${priority} ${exchange}`).join(', ');
  const own = records.find(({ exchange }) => exchange.toLowerCase() === host);
  if (own === undefined) {
    return [
      {
        level: 'failed',
        found: `the MX records of ${domain} do not name ${host}: ${names}`,
        why: 'its mail goes to other servers',
        fix: create,
      },
    ];
  }
  const before = records.filter(({ exchange, priority }) => {
    return exchange.toLowerCase() !== host && priority <= own.priority;
  });
  if (before.length > 0) {
    return [
      {
        level: 'warning',
        found: `the MX records of ${domain} name other servers first or as well: ${names}`,
        why: 'all or some of its mail goes to them',
        fix: `delete ${before.map(({ priority, exchange }) => `"${domain}. MX ${priority} ${exchange}."`).join(', ')} once this server is to take all mail`,
      },
    ];
  }
  return [ok(`${domain} has the MX record ${names}`)];
}
