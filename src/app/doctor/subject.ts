// What the doctor looks at: a host name, and what the configuration and the outputs of the stack say about it.
import { domainToASCII } from 'node:url';
import type { Configuration } from '../../config/index.ts';

export type Role = 'mx' | 'submission' | 'smtps';

export const PUBLIC_PORTS: Readonly<Record<Role, number>> = { mx: 25, submission: 587, smtps: 465 };

export interface Subject {
  /** A host name, or an IP address. */
  readonly host: string;
  /** The domains whose mail comes here. */
  readonly domains: readonly string[];
  readonly ports: Readonly<Partial<Record<Role, number>>>;
  /** The addresses of the stack; empty where they are not known. */
  readonly addresses: readonly string[];
  readonly bucket?: string;
  readonly prefixes: readonly string[];
  readonly topicArn?: string;
  /** The topic of mail that is marked for quarantine. */
  readonly quarantineTopicArn?: string;
  /** `null`: the stack has none. */
  readonly alarmTopicArn?: string | null;
  /** Whether the configuration takes its certificate from ACM. */
  readonly usesAcm: boolean;
  /** The stack's own commands, by the name of their output. */
  readonly commands: Readonly<Record<string, string>>;
}

/** The sections of a configuration that say something about the deployment. */
export type KnownConfiguration = Partial<
  Pick<Configuration, 'hostname' | 'store' | 'notify' | 'routes' | 'tls' | 'verify'>
>;

export interface SubjectSources {
  readonly host?: string;
  readonly domains?: readonly string[];
  readonly ports?: Readonly<Partial<Record<Role, number>>>;
  readonly configuration?: KnownConfiguration;
  /** The outputs of the stack. */
  readonly outputs?: Readonly<Record<string, string>>;
}

/** What is given goes before the stack, and the stack before the configuration. `undefined`: nothing names the host. */
export function subjectOf({
  host: givenHost,
  domains,
  ports,
  configuration = {},
  outputs,
}: SubjectSources): Subject | undefined {
  const { hostname, store, notify, routes = [], tls, verify } = configuration;
  const host = givenHost ?? outputs?.['SmtpEndpoint'] ?? hostname;
  if (host === undefined) return undefined;
  const bucket = outputs?.['MailBucketName'] ?? store?.bucket;
  const topicArn = outputs?.['TopicArn'] ?? notify?.topicArn;
  const quarantineTopicArn = outputs?.['QuarantineTopicArn'] ?? verify?.quarantine?.topicArn;
  const known = [...domainsOfRecords(outputs?.['DnsRecords'] ?? ''), ...domainsOfRoutes(routes)];
  return {
    host: canonicalName(host),
    domains: [...new Set((domains ?? known).map(canonicalName).filter(isDomainName))],
    ports: ports ?? portsOf(outputs?.['Ports']) ?? PUBLIC_PORTS,
    addresses: (outputs?.['StaticAddresses'] ?? '').split(' ').filter((text) => text !== ''),
    prefixes: [
      ...new Set(
        [
          outputs?.['MailKeyPrefix'] ?? store?.prefix ?? 'mail/',
          ...routes.flatMap(({ prefix }) => (prefix === undefined ? [] : [prefix])),
        ].map(withSlash),
      ),
    ],
    ...(bucket !== undefined && { bucket }),
    ...(topicArn !== undefined && { topicArn }),
    ...(quarantineTopicArn !== undefined && { quarantineTopicArn }),
    ...(outputs && { alarmTopicArn: alarmTopicOf(outputs) }),
    usesAcm: (tls?.certificates ?? []).some((certificate) => 'acmArn' in certificate),
    commands: outputs ?? {},
  };
}

/** The output's logical id ends with what CloudFormation's CDK adds to names inside a construct. */
function alarmTopicOf(outputs: Readonly<Record<string, string>>): string | null {
  const name = Object.keys(outputs).find((key) => key.includes('AlarmTopicArn'));
  return name === undefined ? null : (outputs[name] ?? null);
}

/** `example.com. MX 10 mx.example.com.`, one record a line. */
function domainsOfRecords(records: string): string[] {
  return [...records.matchAll(/^(\S+?)\.? MX /gm)].map(([, name = '']) => name);
}

/** The domains that routes name and accept; a pattern of subdomains names none. */
function domainsOfRoutes(routes: Configuration['routes']): string[] {
  return routes
    .flatMap(({ recipients, reject }) =>
      reject === undefined
        ? recipients.map((pattern) => pattern.slice(pattern.lastIndexOf('@') + 1))
        : [],
    )
    .filter((domain) => /^[^*[]+$/.test(domain));
}

/** `mx:25 submission:587`; a listener of another port is nobody's role. */
function portsOf(text: string | undefined): Subject['ports'] | undefined {
  if (text === undefined) return undefined;
  const published = new Set([...text.matchAll(/:(\d+)/g)].map(([, port]) => Number(port)));
  return Object.fromEntries(Object.entries(PUBLIC_PORTS).filter(([, port]) => published.has(port)));
}

/** As DNS has it: without the dot at its end, in lower case, and in ASCII (RFC 5890). */
export function canonicalName(name: string): string {
  const bare = name.replace(/\.$/, '').toLowerCase();
  return /[^\x00-\x7f]/.test(bare) ? domainToASCII(bare) : bare;
}

/** Whether a text can be the name of a host or a mail domain. */
export function isDomainName(text: string): boolean {
  return /^(?=.{1,254}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)*\.?$/i.test(
    text,
  );
}

/** As the server puts it before the time partitions. */
function withSlash(prefix: string): string {
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
}
