import { type Finding, ok, shown } from '../finding.ts';
import { coversHost, type MtaSts } from './mta-sts.ts';
import { undecided } from './undecided.ts';

/** Whether MTA-STS (RFC 8461) of a domain protects its mail, or stops it. */
export function checkMtaSts(host: string, domain: string, found: MtaSts): Finding[] {
  const record = `_mta-sts.${domain}`;
  const url = `https://mta-sts.${domain}/.well-known/mta-sts.txt`;
  switch (found.kind) {
    case 'none':
      return [
        {
          level: 'note',
          found: `${domain} has no MTA-STS`,
          why: 'somebody on the path can keep other servers from using TLS',
          fix: 'deploy with -c mtaSts=testing, and later with -c mtaSts=enforce',
        },
      ];
    case 'undecided':
      return [undecided('TXT', record, found.code)];
    case 'invalid-record':
      return [
        {
          level: 'failed',
          found:
            found.texts.length > 1
              ? `${record} has ${found.texts.length} records of MTA-STS`
              : `the record ${record} is not valid: ${shown(found.texts[0] ?? '')}`,
          why: 'other servers ignore it, as if there were no MTA-STS',
          fix: `leave one record, '${record}. TXT "v=STSv1; id=ID"', with a new ID at each change of the policy`,
        },
      ];
    case 'no-policy':
      return [
        {
          level: 'failed',
          found: `the MTA-STS policy of ${domain} cannot be read: ${shown(found.reason)}`,
          why: 'other servers go on without it, or with the policy that they remember',
          fix: `curl -v ${url}`,
        },
      ];
    case 'invalid-policy':
      return [
        {
          level: 'failed',
          found: `the MTA-STS policy of ${domain} is not valid: ${found.reason}`,
          why: 'other servers ignore it, as if there were no MTA-STS',
          fix: `curl ${url}`,
        },
      ];
    case 'policy':
      return [checkPolicy(host, domain, found)];
  }
}

function checkPolicy(
  host: string,
  domain: string,
  { mode, exchanges, maxAgeSeconds }: MtaSts & { readonly kind: 'policy' },
): Finding {
  if (mode !== 'none' && !coversHost(exchanges, host)) {
    const enforced = mode === 'enforce';
    return {
      level: enforced ? 'failed' : 'warning',
      found: `the MTA-STS policy of ${domain} (${mode}) names ${exchanges.map(shown).join(', ')}, not ${host}`,
      why: enforced
        ? 'other servers do not deliver to this server'
        : 'other servers would not deliver to this server if the mode were "enforce"',
      fix: `add the line "mx: ${host}" to the policy, and change the id of _mta-sts.${domain}`,
    };
  }
  if (mode === 'enforce') {
    return ok(`MTA-STS of ${domain} is enforced, for ${maxAgeSeconds} s at a time`);
  }
  return {
    level: 'note',
    found: `the MTA-STS policy of ${domain} has the mode "${mode}"`,
    why: 'it reports and protects nothing yet',
    fix: 'deploy with -c mtaSts=enforce once the TLS reports show no failures',
  };
}
