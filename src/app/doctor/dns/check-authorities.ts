import type { CaaRecord } from 'node:dns';
import { type Finding, ok } from '../finding.ts';
import type { DnsLookups, Lookup } from './lookups.ts';
import { undecided } from './undecided.ts';

/** The names under which ACM issues. */
const AMAZON = ['amazon.com', 'amazontrust.com', 'awstrust.com', 'amazonaws.com'];

/** Which CAs may issue certificates for the host (RFC 8659 section 3: the closest name with records decides). */
export async function checkAuthorities(
  dns: DnsLookups,
  { host, usesAcm }: { readonly host: string; readonly usesAcm: boolean },
): Promise<Finding[]> {
  const { name, lookup } = await closest(dns, host);
  if (lookup.kind === 'failed') return [undecided('CAA', name, lookup.code)];
  const issuers =
    lookup.kind === 'none' ? undefined : lookup.records.flatMap(({ issue }) => issue ?? []);
  if (issuers === undefined || issuers.length === 0) {
    return [
      {
        level: 'note',
        found: `no CAA record restricts who may issue certificates for ${host}`,
        why: 'any CA may issue one, also to somebody who deceives it',
        fix: `create the record '${host}. CAA 0 issue "${usesAcm ? 'amazon.com' : 'letsencrypt.org'}"' for your CA`,
      },
    ];
  }
  const names = issuers.map((issuer) => (issuer.split(';')[0] ?? '').trim().toLowerCase());
  if (names.every((issuer) => issuer === '')) {
    return [
      {
        level: 'warning',
        found: `the CAA record of ${name} lets no CA issue certificates`,
        why: 'no certificate for this host can be issued or renewed',
        fix: `create the record '${host}. CAA 0 issue "CA"' for your CA`,
      },
    ];
  }
  if (usesAcm && !names.some((issuer) => AMAZON.includes(issuer))) {
    return [
      {
        level: 'failed',
        found: `the CAA records of ${name} allow ${names.join(', ')}, not Amazon`,
        why: 'the certificate comes from ACM, which can neither issue nor renew it',
        fix: `create the record '${name}. CAA 0 issue "amazon.com"'`,
      },
    ];
  }
  return [
    ok(`the CAA records of ${name} allow ${names.filter((issuer) => issuer !== '').join(', ')}`),
  ];
}

async function closest(
  dns: DnsLookups,
  host: string,
): Promise<{ readonly name: string; readonly lookup: Lookup<CaaRecord> }> {
  const labels = host.split('.');
  // The names of a host are asked side by side: the slowest decides, not their sum.
  const asked = await Promise.all(
    labels.map(async (_, at) => {
      const name = labels.slice(at).join('.');
      return { name, lookup: await dns.authorities(name) };
    }),
  );
  return (
    asked.find(({ lookup }) => lookup.kind !== 'none') ?? { name: host, lookup: { kind: 'none' } }
  );
}
