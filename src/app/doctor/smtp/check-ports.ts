// Every port of every address, side by side: what was heard there, judged.
import { mailDomainOf } from '../mail-domain.ts';
import type { Finding, NamedFinding } from '../finding.ts';
import type { Role, Subject } from '../subject.ts';
import { checkCertificate } from './check-certificate.ts';
import { checkConnection } from './check-connection.ts';
import { checkExtensions } from './check-extensions.ts';
import { addressesOf, checkRecipients, checkSender, makeProbes } from './check-recipients.ts';
import type { TlsOptions } from './connection.ts';
import { type Conversation, type ConversationOptions, converse } from './conversation.ts';

export interface PortsOptions extends TlsOptions {
  readonly subject: Pick<Subject, 'domains' | 'ports' | 'commands'>;
  readonly addresses: readonly string[];
  readonly timeoutMillis: number;
  /** The domains whose MTA-STS policy is enforced. */
  readonly enforced: () => Promise<readonly string[]>;
}

const ROLES: readonly Role[] = ['mx', 'submission', 'smtps'];

export async function checkPorts({
  subject,
  addresses,
  enforced: readEnforced,
  signal,
  ...options
}: PortsOptions & { readonly signal: AbortSignal }): Promise<NamedFinding[]> {
  const { host } = options;
  const domains = subject.domains.length === 0 ? [mailDomainOf(host)] : subject.domains;
  const probes = makeProbes(domains);
  const places = ROLES.flatMap((role) => {
    const port = subject.ports[role];
    return port === undefined ? [] : addresses.map((address) => ({ role, port, address }));
  });
  const [enforced, ...conversations] = await Promise.all([
    readEnforced(),
    ...places.map(async (place) => ({
      place,
      heard: await converseInParts({
        ...options,
        ...place,
        signal,
        recipients: place.role === 'mx' ? addressesOf(probes) : [],
      }),
    })),
  ]);
  return conversations.flatMap(({ place, heard }) => {
    const { role, port, address } = place;
    const othersAnswer = conversations.some(
      (other) => other.place.address === address && other.heard.refused === undefined,
    );
    const use = {
      role,
      port,
      host,
      enforced,
      replace: subject.commands['ReplaceCertificateCommand'],
    };
    const findings = [
      named('smtp.connection', checkConnection({ ...place, host, othersAnswer }, heard)),
      heard.plainEhlo === undefined && heard.ehlo === undefined
        ? []
        : named('smtp.extensions', checkExtensions(place, heard)),
      heard.certificate === undefined
        ? []
        : named('smtp.certificate', checkCertificate(use, heard.certificate)),
      named('smtp.sender', checkSender(place, heard)),
      role === 'mx' ? named('smtp.recipients', checkRecipients(port, probes, heard)) : [],
    ];
    return findings.flat();
  });
}

/** A server ends a session with too many refused recipients: 20 here, fewer elsewhere. */
const RECIPIENTS_AT_ONCE = 9;

/** One conversation, and another one for every few more recipients. */
async function converseInParts(options: ConversationOptions): Promise<Conversation> {
  const { recipients } = options;
  let heard = await converse({ ...options, recipients: recipients.slice(0, RECIPIENTS_AT_ONCE) });
  for (let at = RECIPIENTS_AT_ONCE; at < recipients.length; at += RECIPIENTS_AT_ONCE) {
    if (heard.recipients === undefined) break;
    const part = recipients.slice(at, at + RECIPIENTS_AT_ONCE);
    const more = await converse({ ...options, recipients: part });
    heard = { ...heard, recipients: [...heard.recipients, ...(more.recipients ?? [])] };
  }
  return heard;
}

function named(check: string, findings: readonly Finding[]): NamedFinding[] {
  return findings.map((finding) => ({ ...finding, check }));
}
