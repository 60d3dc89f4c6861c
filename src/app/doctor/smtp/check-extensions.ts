import { type Finding, ok, shown } from '../finding.ts';
import type { Role } from '../subject.ts';
import { heardText, isPositive } from './connection.ts';
import { type Conversation, keywordsOf } from './conversation.ts';

/** What every listener offers, whatever its configuration. */
const EXPECTED = ['PIPELINING', 'SIZE', '8BITMIME', 'ENHANCEDSTATUSCODES'];
const PATH_WHY =
  'a firewall or a proxy on the path changes the conversation, or another server answers';

/** Whether EHLO offers what this server offers, TLS above all. */
export function checkExtensions(
  { role, port }: { readonly role: Role; readonly port: number },
  heard: Conversation,
): Finding[] {
  const { plainEhlo, startTls, handshake, ehlo } = heard;
  const refused = [plainEhlo, ehlo].find((reply) => reply !== undefined && !isPositive(reply));
  if (refused !== undefined) {
    return [
      {
        level: 'failed',
        found: `port ${port} does not take EHLO: ${shown(heardText(refused))}`,
        why: PATH_WHY,
        fix: `compare with what the same command finds in another network`,
      },
    ];
  }
  const findings: Finding[] = [];
  const inTheClear = keywordsOf(plainEhlo);
  if (plainEhlo !== undefined && !inTheClear.includes('STARTTLS')) {
    findings.push({
      level: 'failed',
      found: `port ${port} offers no STARTTLS`,
      why: 'mail and passwords travel in the clear, or a device on the path takes the offer away',
      fix: 'give the listener "tls": "starttls" and a certificate, or run the same command in another network',
    });
  }
  if (inTheClear.includes('AUTH')) {
    findings.push({
      level: 'failed',
      found: `port ${port} offers sign-in in the clear`,
      why: 'who listens on the path learns passwords',
      fix: `another server answers: Mailsluice offers AUTH after TLS only; check the address of port ${port}`,
    });
  }
  const failed =
    handshake?.reason ?? (startTls && !isPositive(startTls) ? heardText(startTls) : undefined);
  if (failed !== undefined) {
    findings.push({
      level: 'failed',
      found: `port ${port} offers STARTTLS, and it fails: ${shown(failed)}`,
      why: 'servers that insist on TLS cannot deliver, and nobody can sign in',
      fix: 'look for certificate-failed in the log of the service, then replace the certificate',
    });
  }
  if (ehlo === undefined) return findings;
  const offered = keywordsOf(ehlo);
  if (role !== 'mx' && !offered.includes('AUTH')) {
    findings.push({
      level: 'failed',
      found: `port ${port} offers no sign-in`,
      why: 'nobody can send through it',
      fix: 'give the listener "auth": "required", and the configuration the section "credentials"',
    });
  }
  const missing = EXPECTED.filter((keyword) => !offered.includes(keyword));
  if (missing.length > 0) {
    findings.push({
      level: 'warning',
      found: `port ${port} does not offer ${missing.join(', ')}`,
      why: PATH_WHY,
      fix: `compare with what the same command finds in another network`,
    });
  }
  return findings.length > 0
    ? findings
    : [ok(`port ${port} offers ${shown([...new Set(offered)].join(' '))}`)];
}
