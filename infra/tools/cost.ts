// What it costs by the messages that arrive: a calculator with its assumptions on top. `node infra/tools/cost.ts` prints the
// table of README.md; a test keeps the two equal. What a deployment costs before any mail is in idle-cost.ts.
import { type Label, METRICS, type MetricSpecification } from '../../src/telemetry/metric-names.ts';
import { countAlarmMetrics } from './alarm-metrics.ts';
import { DAYS, insightsCost, PRICES } from './prices.ts';

export interface CostAssumptions {
  /** Mean octets of one message. */
  readonly messageOctets: number;
  /** Days of a month. */
  readonly days: number;
  /** Octets of log for one message. */
  readonly logOctets: number;
  readonly zones: number;
  /** Values of each label of the metrics: each is a metric for CloudWatch. An error code is one for an hour. */
  readonly labelValues: Readonly<Record<Label, number>>;
}

export const ASSUMPTIONS: CostAssumptions = {
  messageOctets: 50_000,
  days: DAYS,
  logOctets: 700,
  zones: 2,
  labelValues: { Listener: 3, Reason: 2, Rule: 3, TlsVersion: 2, Code: 0 },
};

const GIGABYTE = 1e9;
const MILLION = 1e6;

export type CostEgress = 'public' | 'nat' | 'endpoints';

/** Tasks and their size that carry a rate of messages, with room for twice as much. */
export interface Fleet {
  readonly tasks: number;
  readonly cpu: number;
  readonly gigabytes: number;
}

/** Messages a second → dollars a month. */
export interface MonthlyCost {
  readonly messagesPerSecond: number;
  readonly messages: number;
  readonly fargate: number;
  readonly loadBalancer: number;
  readonly s3: number;
  readonly sns: number;
  readonly logs: number;
  readonly fixed: number;
  /** By egress; everything included. */
  readonly total: Readonly<Record<CostEgress, number>>;
  readonly ses: number;
  readonly mailManager: readonly [aLaCarte: number, plan: number];
}

export function fleetFor(messagesPerSecond: number): Fleet {
  if (messagesPerSecond <= 20) return { tasks: 2, cpu: 0.5, gigabytes: 1 };
  return { tasks: Math.max(3, Math.ceil(messagesPerSecond / 85)), cpu: 1, gigabytes: 2 };
}

export function monthlyCost(
  messagesPerSecond: number,
  assumptions: CostAssumptions = ASSUMPTIONS,
): MonthlyCost {
  const { messageOctets, days, logOctets, zones } = assumptions;
  const hours = days * 24;
  const messages = messagesPerSecond * hours * 3600;
  const millions = messages / MILLION;
  const { tasks, cpu, gigabytes } = fleetFor(messagesPerSecond);

  const fargate = tasks * hours * (cpu * PRICES.fargateCpu + gigabytes * PRICES.fargateGigabyte);
  // An NLCU is 1 GB an hour; new connections (800 a second) and flows (100,000) never bind before it here.
  const gigabytesPerHour = (messagesPerSecond * 3600 * messageOctets * WIRE_OVERHEAD) / GIGABYTE;
  const loadBalancer = hours * (PRICES.loadBalancer + gigabytesPerHour * PRICES.loadBalancerUnit);
  const s3 = millions * PRICES.s3Put;
  const sns = millions * PRICES.snsRequest;
  const logs = ((messages * logOctets) / GIGABYTE) * PRICES.logs;
  const fixed = zones * hours * PRICES.address + PRICES.secret + monitoring(assumptions, tasks);
  const carried = fargate + loadBalancer + s3 + sns + logs + fixed;
  // SNS, logs and the image; mail itself goes through the gateway endpoint of S3.
  const egressGigabytes = (messages * EGRESS_OCTETS) / GIGABYTE;
  return {
    messagesPerSecond,
    messages,
    fargate,
    loadBalancer,
    s3,
    sns,
    logs,
    fixed,
    total: {
      public: carried + tasks * hours * PRICES.address,
      nat:
        carried +
        hours * (PRICES.natGateway + PRICES.address) +
        egressGigabytes * PRICES.natGigabyte,
      endpoints:
        carried +
        INTERFACE_ENDPOINTS * zones * hours * PRICES.endpoint +
        egressGigabytes * PRICES.endpointGigabyte,
    },
    // SES stores and announces too.
    ses: messages * PRICES.sesMessage + s3 + sns,
    mailManager: [
      messages * PRICES.mailManagerMessage + PRICES.mailManagerEndpoint + s3 + sns,
      messages * PRICES.mailManagerPlanMessage + PRICES.mailManagerEndpoint + s3 + sns,
    ],
  };
}

/** The metrics of one installation in CloudWatch: one for each metric, dimension and value of its labels. */
export function countMetrics({ labelValues }: CostAssumptions): number {
  const all: readonly MetricSpecification[] = Object.values(METRICS);
  return all
    .flatMap(({ dimensions }) => dimensions)
    .map((labels) => labels.reduce((product, label) => product * labelValues[label], 1))
    .reduce((sum, count) => sum + count, 0);
}

let alarmMetrics: number | undefined;

function monitoring(assumptions: CostAssumptions, tasks: number): number {
  alarmMetrics ??= countAlarmMetrics() + SCALING_ALARMS;
  return (
    countMetrics(assumptions) * PRICES.metric +
    alarmMetrics * PRICES.alarmMetric +
    PRICES.dashboard +
    insightsCost(tasks)
  );
}

/** Two for each of the two policies that the service scales by. */
const SCALING_ALARMS = 4;

/** SMTP, TLS and TCP around the message. */
const WIRE_OVERHEAD = 1.04;
/** To SNS and CloudWatch Logs for one message. */
const EGRESS_OCTETS = 3500;
/** ECR (two), Logs, SNS, Secrets Manager. */
const INTERFACE_ENDPOINTS = 5;

/** Messages a month at which SES begins to cost more. */
export function breakEvenWithSes(egress: CostEgress): number {
  let low = 0;
  let high = 100;
  // Bisection on messages a second; both are continuous while the fleet is the smallest.
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    const { total, ses } = monthlyCost(middle);
    if (total[egress] > ses) low = middle;
    else high = middle;
  }
  return monthlyCost(high).messages;
}

/** The table of README.md. */
export function renderCostTable(): string {
  const rows = [1, 10, 100, 1000].map((rate) => {
    const cost = monthlyCost(rate);
    const totals = Object.values(cost.total);
    const [low, high] = [Math.min(...totals), Math.max(...totals)];
    const millions = cost.messages / MILLION;
    return [
      `${rate} (${significant(millions)} M)`,
      dollars(cost.fargate),
      dollars(cost.loadBalancer),
      dollars(cost.s3),
      dollars(cost.sns),
      dollars(cost.logs),
      dollars(cost.fixed),
      range(low, high),
      range(low / millions, high / millions),
      dollars(cost.ses),
      range(...cost.mailManager),
    ];
  });
  const head = [
    'Messages a second (a month)',
    'Fargate',
    'NLB',
    'S3 PUT',
    'SNS',
    'Logs',
    'Fixed',
    '**Total a month**',
    '**A million**',
    'SES inbound',
    'Mail Manager',
  ];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

export function renderBreakEven(): string {
  return (['public', 'nat', 'endpoints'] as const)
    .map(
      (egress) =>
        `${(breakEvenWithSes(egress) / MILLION).toFixed(2)} million messages a month with \`${egress}\``,
    )
    .join(', ');
}

export function dollars(amount: number): string {
  return `$${amount < 10 ? amount.toFixed(1) : Math.round(amount).toLocaleString('en-US')}`;
}

function range(low: number, high: number): string {
  const [from, to] = [dollars(low), dollars(high)];
  return from === to ? from : `${from}–${to.slice(1)}`;
}

function significant(value: number): string {
  return value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US');
}

if (import.meta.main) {
  console.log(renderCostTable());
  console.log(`\nBreak-even with SES inbound: ${renderBreakEven()}.`);
}
