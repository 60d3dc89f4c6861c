// One page for the question "is mail coming in, and if not, why?". Row by row from the outside in.
import {
  aws_cloudwatch as cloudwatch,
  type aws_ecs as ecs,
  type aws_elasticloadbalancingv2 as elbv2,
  type aws_sns as sns,
  Duration,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { MetricName } from '../../src/telemetry/metric-names.ts';
import { bridgeMetric, bridgeMetricBy } from './metrics.ts';

/** What the dashboard and the alarms look at. */
export interface WatchedParts {
  readonly stage: string;
  readonly service: ecs.FargateService;
  readonly loadBalancer: elbv2.NetworkLoadBalancer;
  readonly targetGroups: readonly elbv2.NetworkTargetGroup[];
  readonly topic: sns.ITopic;
}

export interface DashboardProps extends WatchedParts {
  readonly alarms: readonly cloudwatch.IAlarm[];
  /** Known before it is made, so that the alarms that it shows can link to it. */
  readonly name: string;
  /** Articles to show below the graphs, by the name of their alarm. */
  readonly articles: ReadonlyMap<string, string>;
}

const PERIOD = Duration.minutes(1);
const HEIGHT = 6;
const ARTICLE_HEIGHT = 8;
const COLUMNS = 24;

export class Dashboard extends Construct {
  readonly dashboard: cloudwatch.Dashboard;
  readonly #props: DashboardProps;

  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    this.#props = props;
    this.dashboard = new cloudwatch.Dashboard(this, 'Dashboard', {
      dashboardName: props.name,
      defaultInterval: Duration.hours(3),
      periodOverride: cloudwatch.PeriodOverride.INHERIT,
    });
    if (props.alarms.length > 0) {
      this.dashboard.addWidgets(
        new cloudwatch.AlarmStatusWidget({
          title: 'Alarms',
          alarms: [...props.alarms],
          width: COLUMNS,
        }),
      );
    }
    this.#row('Traffic and outcomes', [
      this.#graph('Messages', [
        this.#metric('MessagesAccepted', 'accepted'),
        this.#metric('MessagesRejected', 'rejected'),
        this.#metric('MessagesDeferred', 'deferred'),
        this.#metric('CommandErrors', 'command errors'),
      ]),
      this.#graphBy('Rejected, by reason', 'MessagesRejected', 'Reason'),
      this.#graphBy('Deferred, by reason', 'MessagesDeferred', 'Reason'),
      this.#graph(
        'Size',
        [this.#metric('BytesAccepted', 'octets accepted')],
        [this.#metric('MessageSize', 'p50', 'p50'), this.#metric('MessageSize', 'p99', 'p99')],
      ),
    ]);
    this.#row('From the final dot to the reply', [
      this.#percentiles('Commit, ms', 'CommitLatency'),
      this.#percentiles('S3 PUT, ms', 'S3PutLatency'),
      this.#percentiles('SNS publish, ms', 'SnsPublishLatency'),
      this.#graph('Failures', [
        this.#metric('CommitFailures'),
        this.#metric('OverloadRefusals'),
        this.#metric('MessagesShed'),
        this.#metric('S3Retries'),
        this.#metric('S3Errors'),
        this.#metric('SnsErrors'),
      ]),
    ]);
    this.#row('Connections and TLS', [
      this.#graph('Open connections of a task', [
        this.#metric('ActiveConnections', 'average', cloudwatch.Stats.AVERAGE),
        this.#metric('ActiveConnections', 'most', cloudwatch.Stats.MAXIMUM),
      ]),
      this.#graphBy('Accepted, by listener', 'ConnectionsAccepted', 'Listener'),
      this.#graphBy('Turned away, by reason', 'ConnectionsRejected', 'Reason', [
        this.#metric('ConnectionsShed', 'let go for others'),
        this.#metric('SessionBudgetsSpent', 'budget spent'),
      ]),
      this.#graphBy('TLS handshakes, by version', 'TlsHandshakes', 'TlsVersion', [
        this.#metric('TlsFailures', 'failed'),
      ]),
    ]);
    this.#row('Sign-in', [
      this.#graph('Sign-ins', [
        this.#metric('AuthSuccess', 'succeeded'),
        this.#metric('AuthFailures', 'refused'),
        this.#metric('AuthThrottled', 'refused uncompared'),
        this.#metric('AuthBackendErrors', 'could not be decided'),
      ]),
      this.#percentiles('Time, ms', 'AuthLatency'),
      this.#graph('Answered from memory, share', [this.#metric('CredentialCacheHitRate')]),
      this.#graph('Certificate, days left', [
        this.#metric('CertDaysToExpiry', 'days', cloudwatch.Stats.MINIMUM),
      ]),
    ]);
    this.#row('Who sends', [
      this.#graphBy('Refused, by rule', 'SenderRefused', 'Rule'),
      this.#percentiles('Checks, ms after the final dot', 'VerifyLatency'),
      this.#graph('Not known', [
        this.#metric('VerifyTempErrors', 'messages, since DNS failed'),
        this.#metric('DnsFailures', 'questions'),
        this.#metric('ListFailures', 'of lists'),
        this.#metric('ScanFailures', 'of scanners'),
      ]),
      this.#graph(
        'DNS',
        [this.#metric('DnsLookups', 'questions'), this.#metric('DnsCacheHits', 'from the cache')],
        [this.#metric('DnsLatency', 'p99, ms', 'p99')],
      ),
    ]);
    this.#row('Outbox and subscribers', [
      this.#graph('Outbox', [
        this.#metric('OutboxWrites'),
        this.#metric('OutboxSkipped'),
        this.#metric('OutboxSetAside'),
      ]),
      this.#graph('Oldest in the outbox, s', [this.#metric('OutboxOldestAge')]),
      this.#graph('SNS', [
        props.topic.metricNumberOfMessagesPublished({ period: PERIOD }),
        props.topic.metricNumberOfNotificationsDelivered({ period: PERIOD }),
        props.topic.metricNumberOfNotificationsFailed({ period: PERIOD }),
      ]),
      this.#graph('Sent again; not scanned', [
        this.#metric('DuplicatesAnswered'),
        this.#metric('ScanFailures'),
      ]),
    ]);
    this.#row('Tasks and load balancer', [
      this.#graph('CPU and memory, %', [
        props.service.metricCpuUtilization({ period: PERIOD }),
        props.service.metricMemoryUtilization({ period: PERIOD }),
        this.#metric('RamBudgetLargestClientShare', 'message memory of one client'),
      ]),
      this.#graph(
        'Event loop, ms late; message memory, octets',
        [this.#metric('EventLoopLagP99')],
        [this.#metric('RamBudgetUsed')],
      ),
      this.#graph(
        'Ready tasks',
        props.targetGroups.map((targetGroup) =>
          targetGroup.metrics.healthyHostCount({
            period: PERIOD,
            statistic: cloudwatch.Stats.MINIMUM,
          }),
        ),
      ),
      this.#graph('Load balancer', [
        props.loadBalancer.metrics.activeFlowCount({ period: PERIOD }),
        props.loadBalancer.metrics.newFlowCount({ period: PERIOD }),
        props.loadBalancer.metrics.tcpElbResetCount({ period: PERIOD }),
        props.loadBalancer.metrics.tcpTargetResetCount({ period: PERIOD }),
      ]),
    ]);
    this.#addArticles(props.articles);
  }

  #addArticles(articles: ReadonlyMap<string, string>): void {
    if (articles.size === 0) return;
    const widgets = [...articles.values()].map(
      (markdown) =>
        new cloudwatch.TextWidget({ markdown, width: COLUMNS / 2, height: ARTICLE_HEIGHT }),
    );
    this.dashboard.addWidgets(
      new cloudwatch.TextWidget({
        markdown: '# Runbook: what to do when an alarm sounds',
        width: COLUMNS,
        height: 1,
      }),
    );
    for (let at = 0; at < widgets.length; at += 2) {
      this.dashboard.addWidgets(...widgets.slice(at, at + 2));
    }
  }

  #row(title: string, widgets: readonly cloudwatch.GraphWidget[]): void {
    this.dashboard.addWidgets(
      new cloudwatch.TextWidget({ markdown: `## ${title}`, width: COLUMNS, height: 1 }),
    );
    this.dashboard.addWidgets(...widgets);
  }

  #graph(
    title: string,
    left: cloudwatch.IMetric[],
    right: cloudwatch.IMetric[] = [],
  ): cloudwatch.GraphWidget {
    return new cloudwatch.GraphWidget({ title, left, right, width: COLUMNS / 4, height: HEIGHT });
  }

  #graphBy(
    title: string,
    name: MetricName,
    label: 'Listener' | 'Reason' | 'Rule' | 'TlsVersion',
    beside: cloudwatch.IMetric[] = [],
  ): cloudwatch.GraphWidget {
    return this.#graph(title, [bridgeMetricBy(this.#props.stage, name, label), ...beside]);
  }

  #percentiles(title: string, name: MetricName): cloudwatch.GraphWidget {
    return this.#graph(
      title,
      ['p50', 'p90', 'p99'].map((statistic) => this.#metric(name, statistic, statistic)),
    );
  }

  #metric(name: MetricName, label?: string, statistic?: string): cloudwatch.Metric {
    return bridgeMetric(this.#props.stage, name, {
      label: label ?? name,
      ...(statistic === undefined ? {} : { statistic }),
    });
  }
}
