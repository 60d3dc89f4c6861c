// All checks of a deployment, from the resolver to the outbox.
import { isIP } from 'node:net';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { checkOutbox } from './aws/check-outbox.ts';
import { checkQuotas } from './aws/check-quotas.ts';
import {
  checkAlarmSubscriptions,
  checkMailSubscriptions,
  checkQuarantineSubscriptions,
} from './aws/check-subscriptions.ts';
import { followMail } from './aws/follow-mail.ts';
import type { QueryClient } from './aws/query-client.ts';
import { checkStack, type StackFacts } from './aws/stack.ts';
import { checkAddresses } from './dns/check-addresses.ts';
import { checkAuthorities } from './dns/check-authorities.ts';
import { checkExchanges } from './dns/check-exchanges.ts';
import { checkMtaSts } from './dns/check-mta-sts.ts';
import { checkPointers } from './dns/check-pointers.ts';
import { checkTlsReports } from './dns/check-tls-reports.ts';
import { DnsLookups, type Lookup } from './dns/lookups.ts';
import { type MtaSts, readMtaSts } from './dns/mta-sts.ts';
import { type Finding, type NamedFinding, shown } from './finding.ts';
import { type Check, type ExplainError, runChecks } from './run-checks.ts';
import { checkPorts, type PortsOptions } from './smtp/check-ports.ts';
import { checkSignIn, type Credential } from './smtp/check-sign-in.ts';
import { openForMail } from './smtp/open-for-mail.ts';
import type { Role, Subject } from './subject.ts';

export interface DiagnoseOptions {
  readonly subject: Subject;
  /** The stack whose outputs the subject has. */
  readonly stack?: { readonly name: string; readonly facts: StackFacts };
  /** `address:port` of the resolver to ask; default: the system's. */
  readonly resolver?: string;
  /** PEM certificates of all CAs to trust; default: those that Node.js trusts. */
  readonly authorities?: readonly string[];
  readonly credential?: Credential;
  /** Sends a mail to this address and follows it. */
  readonly followTo?: string;
  /** For one answer. Default 10. */
  readonly timeoutSeconds?: number;
  /** The port of the MTA-STS policy host. Default 443. */
  readonly policyPort?: number;
  readonly clients: DoctorClients;
  readonly explain: ExplainError;
  readonly interrupted: AbortSignal;
}

export interface DoctorClients {
  readonly s3: S3Client;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly query: QueryClient;
}

const TIMEOUT_SECONDS = 10;
/** A conversation has about ten replies, and nearly all of them come at once. */
const LIMIT_FACTOR = 3;
/** SNS begins with a new subscription within seconds. */
const NOTIFICATION_SECONDS = 60;
/** To delete the queue of the followed mail. */
const CLEANUP_SECONDS = 10;
const MAX_ADDRESSES = 8;
const MAX_DOMAINS = 20;

/** Runs every check that the subject allows. Never rejects for what a check meets. */
export async function diagnose(given: DiagnoseOptions): Promise<NamedFinding[]> {
  const { interrupted, explain, timeoutSeconds = TIMEOUT_SECONDS } = given;
  const subject = { ...given.subject, domains: given.subject.domains.slice(0, MAX_DOMAINS) };
  const options = { ...given, subject };
  const timeoutMillis = timeoutSeconds * 1000;
  const dns = new DnsLookups({
    timeoutMillis,
    ...(options.resolver !== undefined && { server: options.resolver }),
  });
  const lookup = await dns.addresses(subject.host);
  const addresses = lookup.kind === 'found' ? lookup.records.slice(0, MAX_ADDRESSES) : [];
  const policies = readPolicies(options, dns, timeoutMillis);
  const run = { options, dns, lookup, addresses, policies, timeoutMillis };
  return runChecks(
    [
      ...stackChecks(run),
      ...dnsChecks(run),
      ...leftOut(given.subject.domains.slice(MAX_DOMAINS)),
      ...smtpChecks(run),
      ...awsChecks(run),
    ],
    explain,
    interrupted,
  );
}

/** MTA-STS of each domain, read once: two checks look at it. */
type Policies = readonly { readonly domain: string; readonly policy: Promise<MtaSts> }[];

function readPolicies(
  { subject, authorities, policyPort }: DiagnoseOptions,
  dns: DnsLookups,
  timeoutMillis: number,
): Policies {
  const options = {
    timeoutMillis,
    ...(authorities && { authorities }),
    ...(policyPort !== undefined && { port: policyPort }),
  };
  return subject.domains.map((domain) => ({ domain, policy: readMtaSts(dns, domain, options) }));
}

/** The domains for which other servers verify the certificate and the name of this one. */
async function enforcedDomains(policies: Policies): Promise<string[]> {
  const found = await Promise.all(
    policies.map(async ({ domain, policy }) => ({ domain, policy: await policy })),
  );
  return found
    .filter(({ policy }) => policy.kind === 'policy' && policy.mode === 'enforce')
    .map(({ domain }) => domain);
}

interface Run {
  readonly options: DiagnoseOptions;
  readonly dns: DnsLookups;
  readonly lookup: Lookup<string>;
  readonly addresses: readonly string[];
  readonly policies: Policies;
  readonly timeoutMillis: number;
}

function leftOut(domains: readonly string[]): Check[] {
  if (domains.length === 0) return [];
  const finding: Finding = {
    level: 'unknown',
    found: `${domains.length} more domains were not looked at: ${shown(domains.join(', '))}`,
    why: `one run looks at ${MAX_DOMAINS} domains`,
    fix: 'run the command again with --domain NAME for each of them',
  };
  return [{ name: 'dns.mx', seconds: 1, run: async () => [finding] }];
}

type MakeCheck = (name: string, run: Check['run']) => Check;

function makerOf({ timeoutMillis }: Run): MakeCheck {
  const seconds = (timeoutMillis / 1000) * LIMIT_FACTOR;
  return (name, run) => ({ name, seconds, run });
}

function stackChecks(run: Run): Check[] {
  const { stack } = run.options;
  if (stack === undefined) return [];
  return [makerOf(run)('aws.stack', async () => checkStack(stack.name, stack.facts))];
}

function dnsChecks(run: Run): Check[] {
  const { dns, lookup, addresses, policies } = run;
  const { subject } = run.options;
  const { host, usesAcm } = subject;
  const check = makerOf(run);
  // No record can name an address as the server of a domain.
  if (isIP(host) !== 0) return [];
  return [
    check('dns.address', () => checkAddresses(dns, subject, lookup)),
    ...addresses.map((address) => check('dns.ptr', () => checkPointers(dns, subject, address))),
    check('dns.caa', () => checkAuthorities(dns, { host, usesAcm })),
    ...policies.flatMap(({ domain, policy }) => [
      check('dns.mx', () => checkExchanges(dns, host, domain)),
      check('dns.mta-sts', async () => checkMtaSts(host, domain, await policy)),
      check('dns.tls-rpt', () => checkTlsReports(dns, domain)),
    ]),
  ];
}

/** Mail programs are sure to have implicit TLS, where it is there. */
const SIGN_IN_ROLES: readonly Role[] = ['smtps', 'submission'];

function smtpChecks(run: Run): Check[] {
  const { addresses, policies, timeoutMillis } = run;
  const { subject, authorities, credential } = run.options;
  const [address] = addresses;
  if (address === undefined) return [];
  const common = { host: subject.host, timeoutMillis, ...(authorities && { authorities }) };
  const check = makerOf(run);
  const ports: PortsOptions = {
    ...common,
    subject,
    addresses,
    enforced: () => enforcedDomains(policies),
  };
  const role = SIGN_IN_ROLES.find((each) => subject.ports[each] !== undefined);
  const port = role && subject.ports[role];
  return [
    check('smtp', (signal) => checkPorts({ ...ports, signal })),
    ...(credential && role && port !== undefined
      ? [
          check('smtp.sign-in', (signal) =>
            checkSignIn({ ...common, address, role, port, credential, signal }),
          ),
        ]
      : []),
  ];
}

function awsChecks(run: Run): Check[] {
  const { addresses, timeoutMillis } = run;
  const { subject, stack, clients, credential, authorities, followTo } = run.options;
  const { host, bucket, topicArn, quarantineTopicArn, prefixes, alarmTopicArn, ports } = subject;
  const check = makerOf(run);
  const checks: Check[] = [];
  if (bucket !== undefined) {
    checks.push(check('aws.outbox', () => checkOutbox(clients.s3, bucket)));
  }
  if (topicArn !== undefined) {
    checks.push(check('aws.subscriptions', () => checkMailSubscriptions(clients.sns, topicArn)));
  }
  if (quarantineTopicArn !== undefined) {
    checks.push(
      check('aws.quarantine', () => checkQuarantineSubscriptions(clients.sns, quarantineTopicArn)),
    );
  }
  if (alarmTopicArn !== undefined) {
    checks.push(check('aws.alarms', () => checkAlarmSubscriptions(clients.sns, alarmTopicArn)));
  }
  if (stack !== undefined) {
    checks.push(check('aws.quotas', (signal) => checkQuotas(clients.query, signal)));
  }
  const [address] = addresses;
  if (
    followTo !== undefined &&
    bucket !== undefined &&
    topicArn !== undefined &&
    address !== undefined
  ) {
    checks.push({
      name: 'mail',
      seconds: NOTIFICATION_SECONDS + (timeoutMillis / 1000) * LIMIT_FACTOR,
      cleanupSeconds: CLEANUP_SECONDS,
      run: (signal) =>
        followMail({
          ...{ host, bucket, topicArn, prefixes, clients, signal },
          recipient: followTo,
          seconds: NOTIFICATION_SECONDS,
          open: () =>
            openForMail({
              ...{ host, address, ports, timeoutMillis, signal },
              ...(authorities && { authorities }),
              ...(credential && { credential }),
            }),
        }),
    });
  }
  return checks;
}
