// What a deployment costs a month before any mail arrives, counted in its templates, so that the estimate that `deploy` prints and
// the table of README.md are of what is deployed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { addStacks } from '../app/stacks.ts';
import { BASIC_METRICS } from '../../src/telemetry/metric-names.ts';
import { ASSUMPTIONS, countMetrics, dollars } from './cost.ts';
import { CERTIFICATE_DAYS, DAYS, HOURS, insightsCost, PRICES } from './prices.ts';

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

export interface StackTemplate {
  readonly Resources?: Readonly<Record<string, TemplateResource>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
}

/** A line of the bill. */
export interface CostItem {
  readonly name: string;
  /** Dollars a month; 0 where the deployment has none. */
  readonly dollars: number;
}

/** The lines of the bill of these stacks together, always the same ones in the same order. */
export function idleCost(templates: readonly StackTemplate[]): readonly CostItem[] {
  const all = templates.flatMap(({ Resources = {} }) => Object.values(Resources));
  const of = (type: string) => all.filter(({ Type }) => Type === type);
  const count = (type: string) => of(type).length;
  const service = of('AWS::ECS::Service')[0]?.Properties ?? {};
  const task = of('AWS::ECS::TaskDefinition')[0]?.Properties ?? {};
  const tasks = Number(
    of('AWS::ApplicationAutoScaling::ScalableTarget')[0]?.Properties?.['MinCapacity'] ?? 0,
  );
  const publicTasks = JSON.stringify(service).includes('"AssignPublicIp":"ENABLED"') ? tasks : 0;
  const endpoints = of('AWS::EC2::VPCEndpoint')
    .filter(({ Properties }) => Properties?.['VpcEndpointType'] === 'Interface')
    .map(
      ({ Properties }) =>
        (Properties?.['SubnetIds'] as readonly unknown[] | undefined)?.length ?? 0,
    )
    .reduce((sum, subnets) => sum + subnets, 0);
  const hasInsights = JSON.stringify(of('AWS::ECS::Cluster')).includes('"enhanced"');
  const exportable = of('AWS::CertificateManager::Certificate').filter(
    ({ Properties }) => Properties?.['CertificateExport'] === 'ENABLED',
  ).length;
  const alarmMetrics =
    of('AWS::CloudWatch::Alarm')
      .map(({ Properties = {} }) => metricsOf(Properties))
      .reduce((sum, metrics) => sum + metrics, 0) +
    // Application Auto Scaling makes two for each policy.
    2 * count('AWS::ApplicationAutoScaling::ScalingPolicy');
  return [
    { name: 'Fargate', dollars: tasks * HOURS * taskPrice(task) },
    {
      name: 'Load balancer',
      dollars: count('AWS::ElasticLoadBalancingV2::LoadBalancer') * HOURS * PRICES.loadBalancer,
    },
    {
      name: 'Public IPv4 addresses',
      dollars: (count('AWS::EC2::EIP') + publicTasks) * HOURS * PRICES.address,
    },
    { name: 'NAT gateway', dollars: count('AWS::EC2::NatGateway') * HOURS * PRICES.natGateway },
    { name: 'Interface endpoints', dollars: endpoints * HOURS * PRICES.endpoint },
    { name: 'Metrics', dollars: countSeries(task) * PRICES.metric },
    { name: 'Alarms', dollars: alarmMetrics * PRICES.alarmMetric },
    { name: 'Dashboard', dollars: count('AWS::CloudWatch::Dashboard') * PRICES.dashboard },
    { name: 'Container Insights', dollars: hasInsights ? insightsCost(tasks) : 0 },
    {
      name: 'Secret, key, certificate',
      dollars:
        count('AWS::SecretsManager::Secret') * PRICES.secret +
        count('AWS::KMS::Key') * PRICES.key +
        (exportable * PRICES.certificate * DAYS) / CERTIFICATE_DAYS,
    },
  ];
}

export function totalOf(items: readonly CostItem[]): number {
  return items.reduce((sum, item) => sum + item.dollars, 0);
}

/** Dollars an hour of a task. */
function taskPrice(task: Readonly<Record<string, unknown>>): number {
  const isX86 = JSON.stringify(task['RuntimePlatform'] ?? {}).includes('X86_64');
  const [cpu, gigabyte] = isX86
    ? [PRICES.fargateCpuX86, PRICES.fargateGigabyteX86]
    : [PRICES.fargateCpu, PRICES.fargateGigabyte];
  return (Number(task['Cpu'] ?? 0) * cpu + Number(task['Memory'] ?? 0) * gigabyte) / 1024;
}

/** The metrics that the program emits, by the configuration in its environment. */
function countSeries(task: Readonly<Record<string, unknown>>): number {
  if (task['ContainerDefinitions'] === undefined) return 0;
  const isBasic = JSON.stringify(task).includes(String.raw`\"detail\":\"basic\"`);
  return isBasic ? BASIC_METRICS.length : countMetrics(ASSUMPTIONS);
}

/** As CloudWatch bills an alarm: each metric of an expression, and two more for a band of usual values. */
function metricsOf(properties: Readonly<Record<string, unknown>>): number {
  const queries = properties['Metrics'] as
    | readonly { readonly MetricStat?: object; readonly Expression?: string }[]
    | undefined;
  if (queries === undefined) return 1;
  const bands = queries.filter(({ Expression }) =>
    Expression?.startsWith('ANOMALY_DETECTION_BAND'),
  ).length;
  return queries.filter(({ MetricStat }) => MetricStat !== undefined).length + 2 * bands;
}

/** The synthesis by the CDK command line, which follows, reports what its validators find. */
const WITHOUT_REPORT = {
  '@aws-cdk/core:validateAgainstDefaultRules': false,
  '@aws-cdk/core:annotationsInValidationReport': false,
};

/** The templates of both stacks of the ready app, as `cdk synth` with this context writes them. */
export function synthesize(
  context: Readonly<Record<string, unknown>>,
): Readonly<Record<'data' | 'service', StackTemplate>> {
  const outdir = mkdtempSync(join(tmpdir(), 'mailsluice-synth-'));
  try {
    const app = new App({ outdir, context: { ...context, ...WITHOUT_REPORT } });
    const { data, service } = addStacks(app);
    const assembly = app.synth();
    const templateOf = ({ artifactId }: { readonly artifactId: string }) =>
      assembly.getStackArtifact(artifactId).template as StackTemplate;
    return { data: templateOf(data), service: templateOf(service) };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

/** The deployments of the table in README.md, by what is given besides a host name. */
export const DEPLOYMENTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'the default (`nat`)': {},
  '`egress=public`': { egress: 'public' },
  '`egress=endpoints`': { egress: 'endpoints' },
  '`profile=small`': { profile: 'small' },
};

/** The table of README.md. */
export function renderIdleTable(): string {
  const bills = Object.values(DEPLOYMENTS).map((settings) => {
    const { data, service } = synthesize({ hostname: 'mx.example.com', ...settings });
    return idleCost([data, service]);
  });
  const names = bills[0]?.map(({ name }) => name) ?? [];
  const rows = names.map((name, at) => [
    name,
    ...bills.map((bill) => renderAmount(bill[at]?.dollars ?? 0)),
  ]);
  const totals = ['**Total a month**', ...bills.map((bill) => `**${dollars(totalOf(bill))}**`)];
  const head = ['', ...Object.keys(DEPLOYMENTS)];
  return [head, head.map(() => '---'), ...rows, totals]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

/** The estimate that `deploy` prints, one line for each item that costs something. */
export function renderEstimate(items: readonly CostItem[]): string {
  const charged = items.filter((item) => item.dollars > 0);
  const width = Math.max(...charged.map(({ name }) => name.length), 0);
  return [
    `Before any mail this deployment costs about ${dollars(totalOf(items))} a month (prices of us-east-1, infra/README.md):`,
    ...charged.map((item) => `  ${item.name.padEnd(width)}  ${dollars(item.dollars).padStart(5)}`),
  ].join('\n');
}

function renderAmount(amount: number): string {
  return amount === 0 ? '–' : dollars(amount);
}
