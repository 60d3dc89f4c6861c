// A value of each setting that is not its default, and what a service then holds of it.
import type { SettingName } from '../../infra/app/settings.ts';
import { type Facts, IMAGE } from './deployment.ts';

/** What the tests make before they deploy. */
export interface Surroundings {
  readonly zoneId: string;
  readonly configFile: string;
  readonly certificateArn: string;
  readonly secretArn: string;
  readonly vpcId: string;
  readonly publicSubnetIds: readonly string[];
  readonly taskSubnetIds: readonly string[];
}

interface Value {
  /** As the command line gives it. */
  readonly given: string;
  /** What `reads` finds then. */
  readonly found: unknown;
}

/** Which deployment changes a setting, by name; the next one changes it back. */
export const UPDATES = ['size', 'names', 'certificate', 'secret'] as const;
/** Deployments of stages of their own, for what the first deployment decides. */
export const FIRST_DEPLOYMENTS = ['internal', 'existing'] as const;
export type Deployment = (typeof UPDATES)[number] | (typeof FIRST_DEPLOYMENTS)[number];

interface Change {
  readonly reads: (facts: Facts) => unknown;
  readonly values: (surroundings: Surroundings) => Partial<Readonly<Record<Deployment, Value>>>;
}

/** Each setting of infra/README.md. A setting without a row fails the type check and a test. */
export const CHANGES: Readonly<Record<SettingName, Change>> = {
  hostname: {
    reads: ({ configuration, outputs }) => [configuration.hostname, outputs['SmtpEndpoint']],
    values: () => ({
      size: { given: 'mail.example.com', found: ['mail.example.com', 'mail.example.com'] },
    }),
  },
  stage: {
    reads: ({ outputs }) => outputs['DoctorCommand'],
    values: () => ({
      internal: {
        given: 'internal',
        found: 'npx mailsluice doctor --stack Mailsluice-internal-Service',
      },
      existing: {
        given: 'existing',
        found: 'npx mailsluice doctor --stack Mailsluice-existing-Service',
      },
    }),
  },
  config: {
    reads: ({ configuration }) => configuration.traceHeaders,
    values: ({ configFile }) => ({ size: { given: configFile, found: false } }),
  },
  profile: {
    reads: ({ configuration }) => configuration.limits?.maxConnections,
    // What else it changes is given there, each by its own setting.
    values: () => ({ size: { given: 'small', found: 1000 } }),
  },
  hostedZoneId: {
    reads: ({ records }) => records.filter((record) => record === 'mx.example.com. A').length,
    values: ({ zoneId }) => ({
      names: { given: zoneId, found: 1 },
      certificate: { given: zoneId, found: 1 },
    }),
  },
  hostedZoneName: {
    reads: ({ records }) => records.some((record) => record.includes('example.com. ')),
    values: () => ({
      names: { given: 'example.com', found: true },
      certificate: { given: 'example.com', found: true },
    }),
  },
  mailDomains: {
    reads: ({ configuration }) => configuration.routes?.[0]?.recipients,
    values: () => ({
      names: {
        given: 'example.com,in.example.com',
        found: ['*@example.com', '*@in.example.com'],
      },
      certificate: { given: 'example.com', found: ['*@example.com'] },
    }),
  },
  mxRecords: {
    reads: ({ records }) => ({
      hasAddress: records.includes('mx.example.com. A'),
      exchanges: records.filter((record) => record.endsWith(' MX')),
    }),
    values: () => ({
      names: {
        given: 'true',
        found: { hasAddress: true, exchanges: ['example.com. MX', 'in.example.com. MX'] },
      },
      certificate: { given: 'false', found: { hasAddress: true, exchanges: [] } },
    }),
  },
  mtaSts: {
    reads: ({ policyHosts }) => policyHosts,
    values: () => ({
      names: { given: 'testing', found: ['mta-sts.example.com', 'mta-sts.in.example.com'] },
    }),
  },
  tlsReportAddress: {
    reads: ({ texts }) => texts.filter((text) => text.startsWith('v=TLSRPTv1')),
    values: () => ({
      names: {
        given: 'tls@example.com',
        found: Array.from({ length: 2 }, () => 'v=TLSRPTv1; rua=mailto:tls@example.com'),
      },
    }),
  },
  receiveOnly: {
    reads: ({ texts }) => texts.filter((text) => text === 'v=spf1 -all').length,
    values: () => ({ names: { given: 'true', found: 3 } }),
  },
  certificate: {
    reads: ({ configuration, certificates }) =>
      certificates.includes(configuration.tls.certificates[0]?.['acmArn'] ?? ''),
    values: () => ({ names: { given: 'acm', found: true } }),
  },
  certificateArn: {
    reads: ({ configuration, certificates }) => {
      const [{ acmArn = '' } = {}] = configuration.tls.certificates;
      return certificates.includes(acmArn) ? '' : acmArn;
    },
    values: ({ certificateArn }) => ({
      certificate: { given: certificateArn, found: certificateArn },
    }),
  },
  certificateSecretArn: {
    reads: ({ configuration }) => {
      const secretArn = configuration.tls.certificates[0]?.['secretArn'] ?? '';
      return secretArn.includes(':own-certificate-') ? secretArn : '';
    },
    values: ({ secretArn }) => ({ secret: { given: secretArn, found: secretArn } }),
  },
  egress: {
    reads: ({ natGateways, interfaceEndpoints, assignPublicIp }) => ({
      natGateways,
      hasEndpoints: interfaceEndpoints > 0,
      assignPublicIp,
    }),
    values: () => ({
      size: {
        given: 'endpoints',
        found: { natGateways: 0, hasEndpoints: true, assignPublicIp: 'DISABLED' },
      },
      names: {
        given: 'public',
        found: { natGateways: 0, hasEndpoints: false, assignPublicIp: 'ENABLED' },
      },
    }),
  },
  zones: {
    reads: ({ loadBalancerSubnets, outputs }) => [
      loadBalancerSubnets.length,
      outputs['StaticAddresses']?.split(' ').length,
    ],
    values: () => ({ size: { given: '3', found: [3, 3] } }),
  },
  cidr: {
    reads: ({ cidr }) => cidr,
    values: () => ({ internal: { given: '10.9.0.0/16', found: '10.9.0.0/16' } }),
  },
  vpcId: {
    reads: ({ vpc }) => vpc,
    values: ({ vpcId }) => ({ existing: { given: vpcId, found: vpcId } }),
  },
  vpcCidr: {
    reads: ({ cidr }) => cidr,
    values: () => ({ existing: { given: '10.1.0.0/16', found: '10.1.0.0/16' } }),
  },
  publicSubnetIds: {
    reads: ({ loadBalancerSubnets }) => loadBalancerSubnets,
    values: ({ publicSubnetIds }) => ({
      existing: { given: publicSubnetIds.join(), found: publicSubnetIds.toSorted() },
    }),
  },
  taskSubnetIds: {
    reads: ({ taskSubnets }) => taskSubnets,
    values: ({ taskSubnetIds }) => ({
      existing: { given: taskSubnetIds.join(), found: taskSubnetIds },
    }),
  },
  internal: {
    reads: ({ scheme, outputs }) => [scheme, outputs['StaticAddresses'] === undefined],
    values: () => ({ internal: { given: 'true', found: ['internal', true] } }),
  },
  allowedNetworks: {
    reads: ({ allowed }) => allowed,
    values: () => ({
      size: { given: '192.0.2.0/24,198.51.100.0/24', found: ['192.0.2.0/24', '198.51.100.0/24'] },
    }),
  },
  ports: {
    reads: ({ listeners }) => listeners,
    values: () => ({ names: { given: '25,465', found: [25, 465] } }),
  },
  dualStack: {
    reads: ({ addressType, proxyProtocol }) => [addressType, proxyProtocol.includes('true')],
    values: () => ({ certificate: { given: 'true', found: ['dualstack', true] } }),
  },
  image: {
    reads: ({ task }) => task.image,
    values: () => ({
      size: {
        given: 'ghcr.io/example/mailsluice:0.2.0',
        found: 'ghcr.io/example/mailsluice:0.2.0',
      },
    }),
  },
  architecture: {
    reads: ({ task }) => task.architecture,
    values: () => ({ size: { given: 'x86_64', found: 'X86_64' } }),
  },
  cpu: {
    reads: ({ task }) => task.cpu,
    values: () => ({
      size: { given: '1024', found: '1024' },
      // With what the scanners add there.
      names: { given: '512', found: '1024' },
    }),
  },
  memoryMiB: {
    reads: ({ task }) => task.memory,
    values: () => ({
      size: { given: '4096', found: '4096' },
      // With what the scanners add there.
      names: { given: '1024', found: '6144' },
    }),
  },
  scanners: {
    reads: ({ containers, configuration }) => [containers, configuration['scan']],
    values: () => ({
      names: {
        given: 'spam,virus',
        found: [
          ['clamd', 'rspamd', 'smtp'],
          { spam: { url: 'http://127.0.0.1:11333' }, virus: { address: '127.0.0.1:3310' } },
        ],
      },
    }),
  },
  minimumTasks: {
    reads: ({ minimum }) => minimum,
    values: () => ({ size: { given: '4', found: 4 } }),
  },
  maximumTasks: {
    reads: ({ maximum }) => maximum,
    values: () => ({ size: { given: '20', found: 20 } }),
  },
  monitoring: {
    reads: ({ outputs }) => outputs['DashboardUrl'] === undefined,
    values: () => ({ size: { given: 'basic', found: true } }),
  },
  runbookUrl: {
    reads: ({ alarmTexts }) =>
      alarmTexts.length > 0 &&
      alarmTexts.every((text) => text.includes('https://wiki.example.com/RUNBOOK.md#')),
    values: () => ({ names: { given: 'https://wiki.example.com/RUNBOOK.md', found: true } }),
  },
  customerManagedKey: {
    reads: ({ encryption, topicKey }) => [encryption, topicKey !== ''],
    values: () => ({ size: { given: 'true', found: ['aws:kms', true] } }),
  },
  expireAfterDays: {
    reads: ({ expiry }) => expiry,
    values: () => ({ size: { given: '30', found: [30] } }),
  },
  malwareProtection: {
    reads: ({ malwareScanners }) => malwareScanners,
    values: () => ({ names: { given: 'true', found: 1 } }),
  },
  objectLockDays: {
    reads: ({ lock }) => lock?.Days,
    values: () => ({ internal: { given: '7', found: 7 } }),
  },
  objectLockMode: {
    reads: ({ lock }) => lock?.Mode,
    values: () => ({ internal: { given: 'compliance', found: 'COMPLIANCE' } }),
  },
  alarmEmail: {
    reads: ({ alarmAddresses, alarmActions }) => [alarmAddresses, alarmActions.length],
    values: () => ({ size: { given: 'oncall@example.com', found: [['oncall@example.com'], 1] } }),
  },
  exampleSubscriber: {
    reads: ({ mailSubscribers }) => mailSubscribers,
    values: () => ({ size: { given: 'true', found: ['sqs'] } }),
  },
};

/** The image of every deployment that does not change it. */
export const DEFAULTS: Readonly<Partial<Record<SettingName, string>>> = {
  hostname: 'mx.example.com',
  image: IMAGE,
};

/** The command line of a deployment. */
export function contextOf(deployment: Deployment, surroundings: Surroundings): string {
  const given = new Map<string, string>(Object.entries(DEFAULTS));
  for (const [name, { values }] of Object.entries(CHANGES)) {
    const value = values(surroundings)[deployment];
    if (value !== undefined) given.set(name, value.given);
  }
  return [...given].map(([name, value]) => `-c ${name}=${value}`).join(' ');
}
