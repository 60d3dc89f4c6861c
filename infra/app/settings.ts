// The settings of the ready app, one row for each. Parsing, errors, the table in README.md and the props of the
// constructs come from these rows.
import {
  aws_certificatemanager as acm,
  aws_ec2 as ec2,
  aws_ecs as ecs,
  aws_route53 as route53,
  aws_s3 as s3,
  aws_secretsmanager as secretsmanager,
  Duration,
  type Stack,
} from 'aws-cdk-lib';
import { ClientAddress, Egress } from '../bridge/choices.ts';
import { MAIL_BRIDGE_DEFAULTS } from '../bridge/mail-bridge-defaults.ts';
import type { MailBridgeProps } from '../bridge/mail-bridge-props.ts';
import { TlsCertificate } from '../certificate/tls-certificate.ts';
import type { MailDataProps } from '../data/mail-data.ts';
import { scannerSettingProblem } from '../scan/scanners.ts';
import { makeAlarmTopic } from './alarm-topic.ts';
import { importVpc, vpcConflict } from './existing-vpc.ts';
import { listenersOn, portProblem } from './open-ports.ts';
import { withLimitsOf } from './profiles.ts';
import {
  flag,
  jsonFile,
  list,
  number,
  oneOf,
  type RelatedSettings,
  REQUIRED,
  type ServiceTarget,
  type Setting,
  setting,
  type SettingValue,
  text,
} from './setting.ts';

const EGRESS = {
  nat: Egress.nat(),
  endpoints: Egress.endpoints(),
  public: Egress.publicAddresses(),
} as const;

const ARCHITECTURES = {
  arm64: ecs.CpuArchitecture.ARM64,
  x86_64: ecs.CpuArchitecture.X86_64,
} as const;

/** In the order of README.md. Of two rows for the same prop, the later wins. */
export const SETTINGS = {
  hostname: setting(text('the name of the mail server', 'mx.example.com'), {
    default: REQUIRED,
    meaning: 'the name of the server: greeting, certificate, MX records',
    partOf: 'config',
  }),
  stage: setting(
    text('a letter, then up to 30 letters, digits and "-"', 'prod', /^[A-Za-z][A-Za-z0-9-]{0,30}$/),
    {
      default: 'prod',
      meaning:
        'part of the names of the stacks; several stages can exist side by side, and another one is another deployment',
      service: (stage) => ({ stage }),
    },
  ),
  profile: setting(oneOf(['standard', 'small']), {
    default: 'standard',
    meaning: 'the defaults of other settings; see [A small deployment](#a-small-deployment)',
    partOf: 'config',
  }),
  config: setting(jsonFile('config.json', [{}, { traceHeaders: false }]), {
    default: {},
    defaultText: 'none',
    meaning:
      "a JSON file with the program's configuration, without bucket, topic, table, certificates, health and metrics",
    // Checked, field by field, in the construct.
    service: (config, { hostname, profile, ports = [] }) => ({
      configuration: { ...withLimitsOf(profile, config), hostname, ...listenersOn(ports) },
    }),
  }),
  hostedZoneId: setting(text('the id of a Route 53 hosted zone', 'Z0123456789ABC'), {
    default: undefined,
    meaning: 'the Route 53 hosted zone in which DNS records are created; needs `hostedZoneName`',
    conflict: (id, { hostedZoneName }) =>
      (id === undefined) === (hostedZoneName === undefined)
        ? undefined
        : 'hostedZoneId and hostedZoneName: expected both or neither',
    service: (_, others, { stack }) => ({ hostedZone: importHostedZone(stack, others) }),
  }),
  hostedZoneName: setting(text('the name of that zone', 'example.com'), {
    default: undefined,
    meaning: 'the name of that zone',
    partOf: 'hostedZoneId',
  }),
  mailDomains: setting(list('domains', 'example.com'), {
    default: MAIL_BRIDGE_DEFAULTS.mailDomains,
    meaning: 'the domains that receive mail here, separated by commas: MX records',
    service: (mailDomains) => ({ mailDomains }),
  }),
  mxRecords: setting(flag, {
    default: MAIL_BRIDGE_DEFAULTS.mxRecords,
    meaning:
      'MX records in the hosted zone, as the last step of a deployment; `false` where others receive the mail until the service has been tried',
    service: (mxRecords) => ({ mxRecords }),
  }),
  mtaSts: setting(oneOf(['none', 'testing', 'enforce']), {
    default: MAIL_BRIDGE_DEFAULTS.mtaSts,
    meaning: 'MTA-STS (RFC 8461) for `mailDomains`; needs a hosted zone. Start with `testing`',
    service: (mtaSts) => ({ mtaSts }),
  }),
  tlsReportAddress: setting(text('a mail address', 'tls@example.com'), {
    default: undefined,
    meaning: 'the address to which other mail servers send TLS reports (RFC 8460)',
    service: (tlsReportAddress) => ({ tlsReportAddress }),
  }),
  receiveOnly: setting(flag, {
    default: MAIL_BRIDGE_DEFAULTS.receiveOnly,
    meaning: 'SPF and DMARC records which say that `mailDomains` send no mail',
    service: (receiveOnly) => ({ receiveOnly }),
  }),
  certificate: setting(oneOf(['self-signed', 'replaced', 'acm']), {
    default: 'self-signed',
    meaning:
      '`replaced`: the self-signed one has been [replaced by one from a CA](#the-certificate); `acm`: a new exportable certificate; needs a hosted zone, and ACM charges for each issue and renewal',
    conflict: (certificate, { hostedZoneId }) =>
      certificate === 'acm' && hostedZoneId === undefined
        ? 'certificate: expected hostedZoneId and hostedZoneName beside "acm", to validate it'
        : undefined,
    service: (certificate, others, { stack, certificateSecret }) => ({
      certificate:
        certificate === 'acm'
          ? TlsCertificate.exportable(importHostedZone(stack, others))
          : TlsCertificate.selfSigned({
              replaced: certificate === 'replaced',
              ...(certificateSecret && { secret: certificateSecret }),
            }),
    }),
  }),
  certificateArn: setting(
    text(
      'the ARN of an exportable ACM certificate',
      'arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012',
      /^arn:[^:]+:acm:[^:]+:\d{12}:certificate\/.+$/,
    ),
    {
      default: undefined,
      meaning:
        'an exportable certificate that ACM already has; takes precedence over `certificate`',
      service: (arn, _, { stack }) => ({
        certificate: TlsCertificate.fromAcm(
          acm.Certificate.fromCertificateArn(stack, 'Certificate', arn),
        ),
      }),
    },
  ),
  certificateSecretArn: setting(
    text(
      'the complete ARN of a secret with "cert" and "key", with the six characters at its end',
      'arn:aws:secretsmanager:eu-west-1:111122223333:secret:mx-certificate-AbCdEf',
      // Complete, with the six characters that Secrets Manager adds.
      /^arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/,
    ),
    {
      default: undefined,
      conflict: (arn, { certificateArn }) =>
        arn !== undefined && certificateArn !== undefined
          ? 'certificateArn and certificateSecretArn: expected one of them, got both'
          : undefined,
      meaning:
        'a secret whose JSON has `cert` and `key` (PEM); takes precedence over `certificate`',
      service: (arn, _, { stack }) => ({
        certificate: TlsCertificate.fromSecret(
          secretsmanager.Secret.fromSecretCompleteArn(stack, 'CertificateSecret', arn),
        ),
      }),
    },
  ),
  egress: setting(oneOf(['nat', 'endpoints', 'public']), {
    default: 'nat',
    meaning: 'see [How tasks reach AWS services](#how-tasks-reach-aws-services)',
    service: (egress) => ({ egress: EGRESS[egress] }),
  }),
  zones: setting(number(1, 6), {
    default: MAIL_BRIDGE_DEFAULTS.zones,
    meaning:
      'availability zones; the service has a fixed address in each. With one, it stops with that zone',
    data: (zones, { internal, vpcId, publicSubnetIds = [] }) => {
      const own = vpcId === undefined ? zones : publicSubnetIds.length;
      return { addresses: internal ? 0 : own };
    },
    service: (zones, { vpcId }) => (vpcId === undefined ? { zones } : {}),
  }),
  cidr: setting(text('a private network of /16 to /20', '10.0.0.0/16'), {
    default: undefined,
    defaultText: '`10.0.0.0/16`',
    meaning: 'the addresses of the new VPC',
    fixed: {
      stack: 'service',
      because: 'it is the network of the VPC, which cannot be changed while anything is in it',
      describe: (cidr) => cidr ?? MAIL_BRIDGE_DEFAULTS.cidr,
    },
    service: (cidr) => ({ cidr }),
  }),
  vpcId: setting(text('the id of a VPC', 'vpc-0123456789abcdef0', /^vpc-[0-9a-z]+$/), {
    default: undefined,
    meaning:
      'an existing VPC instead of a new one; needs `vpcCidr`, `taskSubnetIds` and, unless `internal`, `publicSubnetIds`; `egress` says how its task subnets reach AWS',
    conflict: vpcConflict,
    fixed: {
      stack: 'service',
      because: 'another VPC is another load balancer, with another DNS name',
      describe: (vpcId) => vpcId ?? 'a new VPC',
    },
    service: (vpcId, others, { stack }) => importVpc(stack, vpcId, others),
  }),
  vpcCidr: setting(text('the network of that VPC', '10.1.0.0/16'), {
    default: undefined,
    meaning: 'the addresses of that VPC',
    partOf: 'vpcId',
  }),
  publicSubnetIds: setting(list('subnet ids', 'subnet-0123456789abcdef0'), {
    default: [],
    meaning: 'the public subnets of that VPC, one for each zone, for the load balancer',
    partOf: 'vpcId',
  }),
  taskSubnetIds: setting(list('subnet ids', 'subnet-0123456789abcdef1'), {
    default: [],
    meaning: 'the subnets of that VPC, one for each zone, for the tasks',
    partOf: 'vpcId',
  }),
  internal: setting(flag, {
    default: false,
    meaning: 'a load balancer without public addresses',
    fixed: {
      stack: 'service',
      because: 'it makes the load balancer anew, with another DNS name',
      describe: String,
    },
    service: (internal) => ({ internetFacing: !internal }),
  }),
  allowedNetworks: setting(list('IPv4 networks', '192.0.2.0/24', '198.51.100.0/24'), {
    default: [],
    defaultText: 'all',
    meaning: 'the networks that may connect, separated by commas',
    service: (networks) =>
      networks.length === 0
        ? {}
        : { allowedPeers: networks.map((network) => ec2.Peer.ipv4(network)) },
  }),
  ports: setting(list('ports of 25, 587 and 465', '25', '465'), {
    default: [],
    defaultText: '25, 587 and 465',
    meaning: 'the ports that are open, separated by commas; not beside `listeners` in `config`',
    conflict: (ports = [], { config = {} }) => portProblem(ports, config),
    partOf: 'config',
  }),
  dualStack: setting(flag, {
    default: MAIL_BRIDGE_DEFAULTS.dualStack,
    meaning: 'IPv6 in addition to IPv4; read [IPv6](#ipv6) first',
    service: (dualStack) => ({
      dualStack,
      clientAddress: dualStack ? ClientAddress.proxyProtocol() : ClientAddress.preserved(),
    }),
  }),
  image: setting(text('the name of a container image', 'ghcr.io/example/mailsluice:0.1.0'), {
    default: undefined,
    defaultText: 'built at deployment',
    meaning:
      'the container image, in a registry that the tasks can reach; no Docker is needed then',
    service: (image) => ({ image: ecs.ContainerImage.fromRegistry(image) }),
  }),
  architecture: setting(oneOf(['arm64', 'x86_64']), {
    default: 'arm64',
    meaning: 'the processor architecture of a task',
    service: (architecture) => ({ architecture: ARCHITECTURES[architecture] }),
  }),
  cpu: setting(oneOf([256, 512, 1024, 2048, 4096, 8192, 16_384]), {
    default: 512,
    meaning: 'CPU units of a task; 1024 are one vCPU',
    service: (cpu) => ({ cpu }),
  }),
  memoryMiB: setting(number(512, 122_880), {
    default: MAIL_BRIDGE_DEFAULTS.memoryMiB,
    meaning:
      'memory of a task in MiB; [Fargate allows some values for each `cpu`](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size)',
    service: (memoryMiB) => ({ memoryMiB }),
  }),
  scanners: setting(list('scanners of spam and virus', 'spam', 'virus'), {
    default: [],
    defaultText: 'none',
    meaning:
      'rspamd (`spam`) and clamd (`virus`) as containers of each task, which grows by them; see [Scanners](#scanners)',
    conflict: (scanners = []) => scannerSettingProblem(scanners),
    service: (scanners) => ({
      scanners: { spam: scanners.includes('spam'), virus: scanners.includes('virus') },
    }),
  }),
  minimumTasks: setting(number(1), {
    default: undefined,
    defaultText: 'one for each zone',
    meaning: 'the minimum number of tasks',
    service: (minimumTasks) => ({ minimumTasks }),
  }),
  maximumTasks: setting(number(1), {
    default: MAIL_BRIDGE_DEFAULTS.maximumTasks,
    meaning: 'the maximum number of tasks',
    service: (maximumTasks) => ({ maximumTasks }),
  }),
  monitoring: setting(oneOf(['full', 'basic']), {
    default: MAIL_BRIDGE_DEFAULTS.monitoring,
    meaning:
      '`basic`: eight metrics, six alarms, no dashboard and no Container Insights, all of which CloudWatch charges for',
    service: (monitoring) => ({ monitoring }),
  }),
  customerManagedKey: setting(flag, {
    default: false,
    meaning: 'a KMS key of the account for bucket and topic',
    data: (customerManagedKey) => ({ customerManagedKey }),
  }),
  expireAfterDays: setting(number(1), {
    default: undefined,
    defaultText: 'never',
    meaning: 'the days after which mail is deleted',
    data: (days) => ({ expireAfter: Duration.days(days) }),
  }),
  malwareProtection: setting(flag, {
    default: MAIL_BRIDGE_DEFAULTS.malwareProtection,
    meaning:
      'GuardDuty scans each stored mail after it was announced, and tags its object; see [Scanners](#scanners)',
    service: (malwareProtection) => ({ malwareProtection }),
  }),
  objectLockDays: setting(number(1), {
    default: undefined,
    meaning:
      'the days for which mail cannot be deleted or changed (S3 Object Lock); their number can be changed later',
    fixed: {
      stack: 'data',
      because: 'S3 Object Lock is chosen when the bucket is created',
      describe: (days) => (days === undefined ? 'none' : 'a number of days'),
    },
    data: (days, { objectLockMode }) => ({
      objectLock: s3.ObjectLockRetention[objectLockMode](Duration.days(days)),
    }),
  }),
  objectLockMode: setting(oneOf(['governance', 'compliance']), {
    default: 'governance',
    meaning:
      'with `compliance` not even the root user of the account can delete mail before its time',
    partOf: 'objectLockDays',
  }),
  alarmEmail: setting(text('a mail address', 'oncall@example.com'), {
    default: undefined,
    meaning: 'the address that is notified of alarms',
    service: (address, _, { stack }) => ({ alarmTopic: makeAlarmTopic(stack, address) }),
  }),
  runbookUrl: setting(
    text('an https address', 'https://wiki.example.com/RUNBOOK.md', /^https:\/\/\S+$/),
    {
      default: undefined,
      defaultText: 'the dashboard',
      meaning: 'where you publish `infra/RUNBOOK.md`: each alarm links to its article there',
      service: (runbookUrl) => ({ runbookUrl }),
    },
  ),
  exampleSubscriber: setting(flag, {
    default: MAIL_BRIDGE_DEFAULTS.exampleSubscriber,
    meaning: 'an example subscriber: queue with dead-letter queue, and function',
    service: (exampleSubscriber) => ({ exampleSubscriber }),
  }),
} as const;

export type SettingName = keyof typeof SETTINGS;

export type Settings = {
  readonly [Name in SettingName]: SettingValue<(typeof SETTINGS)[Name]>;
};

/** The rows, for code that handles them all alike. */
export const SETTING_ROWS: Readonly<Record<SettingName, Setting<unknown, unknown>>> = SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** The props of the data stack. */
export function dataProps(settings: Settings): MailDataProps {
  return Object.assign(
    {},
    ...SETTING_NAMES.map((name) => {
      const value = settings[name];
      return value === undefined ? {} : SETTING_ROWS[name].data?.(value, settings);
    }),
  ) as MailDataProps;
}

/** The props of the service stack, but for the resources of the data stack. May create constructs in its stack. */
export function serviceProps(settings: Settings, target: ServiceTarget): MailBridgeProps {
  const props: MailBridgeProps = { configuration: { hostname: settings.hostname } };
  return Object.assign(
    props,
    ...SETTING_NAMES.map((name) => {
      const value = settings[name];
      return value === undefined ? {} : SETTING_ROWS[name].service?.(value, settings, target);
    }),
  ) as MailBridgeProps;
}

/** The zone of the settings, one construct for all rows that need it. */
function importHostedZone(
  stack: Stack,
  { hostedZoneId = '', hostedZoneName = '' }: RelatedSettings,
): route53.IHostedZone {
  const imported = stack.node.tryFindChild('HostedZone') as route53.IHostedZone | undefined;
  return (
    imported ??
    route53.HostedZone.fromHostedZoneAttributes(stack, 'HostedZone', {
      hostedZoneId,
      zoneName: hostedZoneName,
    })
  );
}
