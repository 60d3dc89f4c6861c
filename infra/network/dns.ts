// The DNS records of the service. One list: created if the hosted zone is given, otherwise an output.
import {
  aws_route53 as route53,
  aws_route53_targets as targets,
  Duration,
  type aws_elasticloadbalancingv2 as elbv2,
  Token,
} from 'aws-cdk-lib';
import { Construct, type IConstruct } from 'constructs';
import type { MtaStsMode } from '../bridge/choices.ts';
import { MtaStsHost, mtaStsPolicy, mtaStsPolicyId } from './mta-sts.ts';

export interface DnsPlan {
  /** The name of the server. */
  readonly hostname: string;
  /** Domains that receive mail here. */
  readonly mailDomains: readonly string[];
  readonly mtaSts: MtaStsMode;
  /** The address to which other servers send TLS reports. */
  readonly tlsReportAddress: string | undefined;
  /** Whether SPF and DMARC say that the domains send no mail. */
  readonly receiveOnly: boolean;
}

/** One record, except for the addresses of the server itself. */
export interface DnsRecord {
  readonly name: string;
  readonly type: 'MX' | 'TXT';
  readonly value: string;
}

const TTL = Duration.hours(1);
const MX_PRIORITY = 10;

export function plannedRecords(plan: DnsPlan): DnsRecord[] {
  const records: DnsRecord[] = [];
  for (const domain of plan.mailDomains) {
    records.push({ name: domain, type: 'MX', value: `${MX_PRIORITY} ${plan.hostname}` });
    if (plan.mtaSts !== 'none') {
      const id = mtaStsPolicyId(mtaStsPolicy(plan.hostname, plan.mtaSts));
      records.push({ name: `_mta-sts.${domain}`, type: 'TXT', value: `v=STSv1; id=${id}` });
    }
    if (plan.tlsReportAddress !== undefined) {
      records.push({
        name: `_smtp._tls.${domain}`,
        type: 'TXT',
        value: `v=TLSRPTv1; rua=mailto:${plan.tlsReportAddress}`,
      });
    }
    if (plan.receiveOnly) {
      records.push({ name: domain, type: 'TXT', value: 'v=spf1 -all' });
      records.push({ name: `_dmarc.${domain}`, type: 'TXT', value: 'v=DMARC1; p=reject' });
    }
  }
  if (plan.receiveOnly && !plan.mailDomains.includes(plan.hostname)) {
    records.push({ name: plan.hostname, type: 'TXT', value: 'v=spf1 -all' });
  }
  return records;
}

/** The errors in the plan. */
export function checkDnsPlan(
  plan: DnsPlan,
  zoneName: string | undefined,
  hasTrustedCertificate: boolean,
): string[] {
  const problems: string[] = [];
  if (plan.mtaSts === 'enforce' && !hasTrustedCertificate) {
    problems.push(
      'mtaSts: expected "none" or "testing" with a self-signed certificate, got "enforce": other servers would stop delivering; replace the certificate first, and say so with certificate=replaced (in the construct: TlsCertificate.selfSigned({ replaced: true }))',
    );
  }
  if (plan.mtaSts !== 'none' && zoneName === undefined) {
    problems.push(
      'mtaSts: expected "none" without a hostedZone, since the policy host needs its own certificate',
    );
  }
  if (plan.tlsReportAddress !== undefined && !/^[^\s@,;]+@[^\s@,;]+$/.test(plan.tlsReportAddress)) {
    problems.push(
      `tlsReportAddress: expected a mail address, got ${JSON.stringify(plan.tlsReportAddress)}`,
    );
  }
  if (zoneName !== undefined && !Token.isUnresolved(zoneName)) {
    for (const name of [plan.hostname, ...plan.mailDomains]) {
      if (name === '' || `.${name}`.endsWith(`.${zoneName}`)) continue;
      problems.push(
        `hostedZone: expected the zone of ${JSON.stringify(name)}, got ${JSON.stringify(zoneName)}`,
      );
    }
  }
  for (const domain of plan.mailDomains) {
    if (!/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/i.test(domain)) {
      problems.push(`mailDomains: expected domain names, got ${JSON.stringify(domain)}`);
    }
  }
  return problems;
}

/** The records as text to paste, one a line. */
export function renderRecords(
  plan: DnsPlan,
  addresses: readonly string[],
  loadBalancerName: string,
): string {
  const own =
    addresses.length === 0
      ? [`${plan.hostname}. CNAME-like alias to ${loadBalancerName} (an MX must not name a CNAME)`]
      : addresses.map((address) => `${plan.hostname}. A ${address}`);
  const others = plannedRecords(plan).map(
    ({ name, type, value }) => `${name}. ${type} ${type === 'TXT' ? `"${value}"` : `${value}.`}`,
  );
  return [...own, ...others].join('\n');
}

export interface DnsProps extends DnsPlan {
  readonly hostedZone: route53.IHostedZone;
  readonly loadBalancer: elbv2.NetworkLoadBalancer;
  readonly dualStack: boolean;
  readonly mxRecords: boolean;
  /** What must run before mail is sent here. */
  readonly service: IConstruct;
}

export class Dns extends Construct {
  constructor(scope: Construct, id: string, props: DnsProps) {
    super(scope, id);
    this.#addAddresses(props);
    this.#addPlannedRecords(props);
    const { hostedZone: zone, hostname, mtaSts: mode } = props;
    if (mode === 'none') return;
    for (const domain of props.mailDomains) {
      new MtaStsHost(this, `MtaSts-${domain}`, { zone, domain, hostname, mode });
    }
  }

  #addAddresses({ hostedZone: zone, hostname, loadBalancer, dualStack }: DnsProps): void {
    // An alias and not a CNAME: an MX must not point at one (RFC 2181 section 10.3).
    const target = route53.RecordTarget.fromAlias(new targets.LoadBalancerTarget(loadBalancer));
    const alias = { zone, recordName: `${hostname}.`, target };
    new route53.ARecord(this, 'Address', alias);
    if (dualStack) new route53.AaaaRecord(this, 'Ipv6Address', alias);
  }

  #addPlannedRecords(props: DnsProps): void {
    const common = { zone: props.hostedZone, ttl: TTL };
    // Route 53 has one record for all texts of a name.
    const texts = new Map<string, string[]>();
    for (const { name, type, value } of plannedRecords(props)) {
      if (type === 'TXT') {
        texts.set(name, [...(texts.get(name) ?? []), value]);
        continue;
      }
      if (!props.mxRecords) continue;
      const record = new route53.MxRecord(this, `Mx-${name}`, {
        ...common,
        recordName: `${name}.`,
        values: [{ priority: MX_PRIORITY, hostName: `${props.hostname}.` }],
      });
      record.node.addDependency(props.service);
    }
    for (const [name, values] of texts) {
      new route53.TxtRecord(this, `Txt-${name}`, { ...common, recordName: `${name}.`, values });
    }
  }
}
