import { type Finding, ok, shown } from '../finding.ts';
import type { Role } from '../subject.ts';
import type { CertificateFacts } from './certificate.ts';

/** A renewal that has not come by then needs somebody to look at it. */
const WARN_DAYS = 14;

export interface CertificateUse {
  readonly role: Role;
  readonly port: number;
  readonly host: string;
  /** The domains whose MTA-STS policy is enforced. */
  readonly enforced: readonly string[];
  /** The stack's command that replaces the certificate. */
  readonly replace: string | undefined;
}

/** The chain, the name and the days left of the certificate of a port. */
export function checkCertificate(
  { role, port, host, enforced, replace }: CertificateUse,
  { chainFault, matchesHost, names, daysLeft, expires, protocol, cipher }: CertificateFacts,
): Finding[] {
  // Mail servers encrypt opportunistically, unless MTA-STS tells them to verify; mail programs always verify.
  const isFatal = role !== 'mx' || enforced.length > 0;
  const why =
    role !== 'mx'
      ? 'mail programs refuse to connect or warn their users'
      : enforced.length > 0
        ? `MTA-STS of ${enforced.join(', ')} is enforced, so other servers do not deliver`
        : 'other servers encrypt, and cannot know to whom';
  const common = {
    level: isFatal ? ('failed' as const) : ('warning' as const),
    why,
    fix: replace ?? 'replace the certificate: see "tls" in the configuration',
  };
  const findings: Finding[] = [];
  if (chainFault !== undefined) {
    findings.push({
      ...common,
      found: `the certificate of port ${port} is not trusted (${chainFault})`,
    });
  }
  if (!matchesHost) {
    findings.push({
      ...common,
      found: `the certificate of port ${port} is for ${shown(names)}, not for ${host}`,
    });
  }
  if (daysLeft < 0) {
    findings.push({
      ...common,
      // Some servers refuse an expired certificate where they take a self-signed one.
      level: 'failed',
      found: `the certificate of port ${port} expired on ${expires}`,
    });
  } else if (daysLeft <= WARN_DAYS) {
    findings.push({
      ...common,
      level: 'warning',
      found: `the certificate of port ${port} expires in ${daysLeft} days, on ${expires}`,
      why: 'a renewal that has not come by now may not come at all',
    });
  }
  return findings.length > 0
    ? findings
    : [
        ok(
          `the certificate of port ${port} is trusted, for ${host}, ${daysLeft} days left (${protocol}, ${cipher})`,
        ),
      ];
}
