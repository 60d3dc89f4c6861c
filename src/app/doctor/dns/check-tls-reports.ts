import { type Finding, ok, shown } from '../finding.ts';
import type { DnsLookups } from './lookups.ts';
import { undecided } from './undecided.ts';

/** The record of SMTP TLS reporting (RFC 8460 section 3). */
export async function checkTlsReports(dns: DnsLookups, domain: string): Promise<Finding[]> {
  const name = `_smtp._tls.${domain}`;
  const lookup = await dns.texts(name);
  if (lookup.kind === 'failed') return [undecided('TXT', name, lookup.code)];
  const records =
    lookup.kind === 'none' ? [] : lookup.records.filter((text) => /^v=TLSRPTv1\b/.test(text));
  const fix = `create the record '${name}. TXT "v=TLSRPTv1; rua=mailto:ADDRESS"', or deploy with -c tlsReportAddress=ADDRESS`;
  const [record] = records;
  if (record === undefined) {
    return [
      {
        level: 'note',
        found: `${domain} asks for no TLS reports`,
        why: 'other servers do not tell when TLS to this server fails',
        fix,
      },
    ];
  }
  // RFC 8460 section 3: more than one record is as none.
  if (records.length > 1 || !/;\s*rua=(mailto:[^\s@]+@[^\s@]+|https:\/\/)/.test(record)) {
    return [
      {
        level: 'warning',
        found:
          records.length > 1
            ? `${name} has ${records.length} records of TLS reporting`
            : `the record of TLS reporting at ${name} is not valid: ${shown(record)}`,
        why: 'other servers ignore it and send no reports',
        fix,
      },
    ];
  }
  return [ok(`${domain} asks for TLS reports: ${shown(record)}`)];
}
