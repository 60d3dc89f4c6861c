// The alarms. Each has an article of its name in RUNBOOK.md, and a reason for how it treats missing data.
import {
  aws_cloudwatch as cloudwatch,
  aws_cloudwatch_actions as actions,
  type aws_ecs as ecs,
  type aws_elasticloadbalancingv2 as elbv2,
  type aws_sns as sns,
  type aws_sqs as sqs,
  Duration,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { bridgeMetric } from './metrics.ts';
import type { MetricName } from '../../src/telemetry/metric-names.ts';

export interface AlarmsProps {
  readonly stage: string;
  readonly service: ecs.FargateService;
  readonly loadBalancer: elbv2.NetworkLoadBalancer;
  readonly targetGroups: readonly elbv2.NetworkTargetGroup[];
  readonly topic: sns.ITopic;
  readonly minimumTasks: number;
  /** Hears of what cannot wait. */
  readonly pageTopic: sns.ITopic | undefined;
  /** Hears of what can wait until the morning. */
  readonly warningTopic: sns.ITopic | undefined;
  /** Where RUNBOOK.md is to be read. */
  readonly runbookUrl: string;
}

interface AlarmOptions {
  readonly severity: 'page' | 'warning';
  readonly says: string;
  readonly metric: cloudwatch.IMetric;
  readonly threshold: number;
  readonly comparison?: cloudwatch.ComparisonOperator;
  /** Periods that must breach, of as many looked at. */
  readonly periods?: number;
  readonly missing: cloudwatch.TreatMissingData;
}

const { BREACHING, NOT_BREACHING } = cloudwatch.TreatMissingData;
const { GREATER_THAN_OR_EQUAL_TO_THRESHOLD, GREATER_THAN_THRESHOLD, LESS_THAN_THRESHOLD } =
  cloudwatch.ComparisonOperator;
const five = Duration.minutes(5);

export class Alarms extends Construct {
  readonly all: cloudwatch.Alarm[] = [];
  /** What a deployment is rolled back for. */
  readonly commitFailures: cloudwatch.Alarm;
  readonly #props: AlarmsProps;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.#props = props;
    this.commitFailures = this.#addCommit();
    this.#addOutbox();
    this.#addSignIn();
    this.#addCertificate();
    this.#addProcess();
    this.#addService();
    this.#addLoadBalancer();
  }

  /** For the queue and the dead-letter queue of a subscriber of ours. */
  addQueues(queue: sqs.IQueue, deadLetters: sqs.IQueue): void {
    this.#add('SubscriberBehind', {
      severity: 'warning',
      says: 'The example subscriber has not got to a notification for 15 minutes',
      metric: queue.metricApproximateAgeOfOldestMessage({
        period: five,
        statistic: cloudwatch.Stats.MAXIMUM,
      }),
      threshold: 900,
      // SQS reports nothing for a queue that is not used.
      missing: NOT_BREACHING,
    });
    this.#add('SubscriberDeadLetters', {
      severity: 'warning',
      says: 'The example subscriber gave up on a notification',
      metric: deadLetters.metricApproximateNumberOfMessagesVisible({
        period: five,
        statistic: cloudwatch.Stats.MAXIMUM,
      }),
      threshold: 1,
      missing: NOT_BREACHING,
    });
  }

  #addCommit(): cloudwatch.Alarm {
    const deferred = this.#metric('MessagesDeferred', { period: five });
    const accepted = this.#metric('MessagesAccepted', { period: five });
    this.#add('DeferredRatio', {
      severity: 'page',
      says: 'More than 1 % of the messages were answered 4yz',
      metric: new cloudwatch.MathExpression({
        // Below ten messages one deferral is no ratio.
        expression: 'IF(deferred + accepted >= 10, 100 * deferred / (deferred + accepted), 0)',
        usingMetrics: { deferred, accepted },
        label: 'Deferred, %',
        period: five,
      }),
      threshold: 1,
      comparison: GREATER_THAN_THRESHOLD,
      // The program counts zeros; that it runs at all is another alarm's matter.
      missing: NOT_BREACHING,
    });
    this.#add('CommitLatency', {
      severity: 'page',
      says: 'The slowest 1 % of the senders wait more than 5 s for the reply to their message',
      metric: this.#metric('CommitLatency', { statistic: 'p99' }),
      threshold: 5000,
      comparison: GREATER_THAN_THRESHOLD,
      periods: 5,
      // No mail, no latency.
      missing: NOT_BREACHING,
    });
    return this.#add('CommitFailures', {
      severity: 'page',
      says: 'Messages could not be stored or announced, and were answered 451',
      metric: this.#metric('CommitFailures', { period: five }),
      threshold: 5,
      missing: NOT_BREACHING,
    });
  }

  #addOutbox(): void {
    this.#add('OutboxOldestAge', {
      severity: 'page',
      says: 'A notification has waited in the outbox for more than 5 minutes',
      metric: this.#metric('OutboxOldestAge'),
      threshold: 300,
      comparison: GREATER_THAN_THRESHOLD,
      periods: 3,
      // Every task reports it in every interval; without tasks another alarm sounds.
      missing: NOT_BREACHING,
    });
    this.#add('OutboxSetAside', {
      severity: 'page',
      says: 'A notification was given up on: subscribers will not hear of that mail by themselves',
      metric: this.#metric('OutboxSetAside', { period: five }),
      threshold: 1,
      missing: NOT_BREACHING,
    });
    this.#add('NotificationsFailed', {
      severity: 'warning',
      says: 'SNS could not deliver to a subscriber',
      metric: this.#props.topic.metricNumberOfNotificationsFailed({
        period: five,
        statistic: cloudwatch.Stats.SUM,
      }),
      threshold: 1,
      // SNS reports nothing when nothing was published.
      missing: NOT_BREACHING,
    });
  }

  #addSignIn(): void {
    this.#add('AuthBackendErrors', {
      severity: 'page',
      says: 'Sign-ins could not be decided, and were answered 454',
      metric: this.#metric('AuthBackendErrors', { period: five }),
      threshold: 10,
      missing: NOT_BREACHING,
    });
    const alarm = new cloudwatch.AnomalyDetectionAlarm(this, 'AuthFailures', {
      alarmDescription: this.#describe('AuthFailures', 'Far more sign-ins are refused than usual'),
      metric: this.#metric('AuthFailures', { period: five }),
      stdDevs: 4,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_UPPER_THRESHOLD,
      evaluationPeriods: 3,
      treatMissingData: NOT_BREACHING,
    });
    this.#notify(alarm, 'warning');
  }

  #addCertificate(): void {
    const days = this.#metric('CertDaysToExpiry', {
      period: Duration.hours(1),
      statistic: cloudwatch.Stats.MINIMUM,
    });
    // A program without a certificate reports nothing here; it is not ready then, and UnhealthyTasks sounds.
    const common = { metric: days, comparison: LESS_THAN_THRESHOLD, missing: NOT_BREACHING };
    this.#add('CertificateExpiresSoon', {
      ...common,
      severity: 'warning',
      says: 'A certificate is valid for less than 21 days',
      threshold: 21,
    });
    this.#add('CertificateExpires', {
      ...common,
      severity: 'page',
      says: 'A certificate is valid for less than 7 days',
      threshold: 7,
    });
    this.#add('CertReloadErrors', {
      severity: 'warning',
      says: 'A newer certificate could not be used; the old one is still served',
      metric: this.#metric('CertReloadErrors', { period: five }),
      threshold: 1,
      missing: NOT_BREACHING,
    });
  }

  #addProcess(): void {
    this.#add('EventLoopLag', {
      severity: 'warning',
      says: 'A task answers late: its timers fire more than 200 ms after their time',
      metric: this.#metric('EventLoopLagP99'),
      threshold: 200,
      comparison: GREATER_THAN_THRESHOLD,
      periods: 5,
      missing: NOT_BREACHING,
    });
    this.#add('LogLinesDropped', {
      severity: 'warning',
      says: 'Log lines were lost',
      metric: this.#metric('LogLinesDropped', { period: five }),
      threshold: 1,
      missing: NOT_BREACHING,
    });
    const { service } = this.#props;
    this.#add('CpuHigh', {
      severity: 'warning',
      says: 'The tasks use more than 80 % of their CPU',
      metric: service.metricCpuUtilization({ period: five }),
      threshold: 80,
      comparison: GREATER_THAN_THRESHOLD,
      periods: 2,
      // Without tasks there is no utilisation, and UnhealthyTasks sounds.
      missing: NOT_BREACHING,
    });
    this.#add('MemoryHigh', {
      severity: 'warning',
      says: 'The tasks use more than 80 % of their memory',
      metric: service.metricMemoryUtilization({ period: five }),
      threshold: 80,
      comparison: GREATER_THAN_THRESHOLD,
      periods: 2,
      missing: NOT_BREACHING,
    });
  }

  #addService(): void {
    this.#add('UnhealthyTasks', {
      severity: 'page',
      says: 'A port has fewer ready tasks behind it than the service should have',
      metric: this.#overTargetGroups('MIN', (targetGroup) =>
        targetGroup.metrics.healthyHostCount({
          period: Duration.minutes(1),
          statistic: cloudwatch.Stats.MINIMUM,
        }),
      ),
      threshold: this.#props.minimumTasks,
      comparison: LESS_THAN_THRESHOLD,
      periods: 5,
      // A target group without a single target reports nothing.
      missing: BREACHING,
    });
  }

  #addLoadBalancer(): void {
    this.#add('PortAllocationErrors', {
      severity: 'warning',
      says: 'The load balancer ran out of source ports towards the tasks',
      metric: this.#props.loadBalancer.metrics.custom('PortAllocationErrorCount', {
        period: five,
        statistic: cloudwatch.Stats.SUM,
      }),
      threshold: 1,
      // Reported only when there are any.
      missing: NOT_BREACHING,
    });
  }

  #metric(name: MetricName, options: cloudwatch.MetricOptions = {}): cloudwatch.Metric {
    return bridgeMetric(this.#props.stage, name, options);
  }

  #overTargetGroups(
    operation: 'MIN',
    metricOf: (targetGroup: elbv2.NetworkTargetGroup) => cloudwatch.IMetric,
  ): cloudwatch.MathExpression {
    const usingMetrics = Object.fromEntries(
      this.#props.targetGroups.map((targetGroup, at) => [`m${at}`, metricOf(targetGroup)]),
    );
    return new cloudwatch.MathExpression({
      expression: `${operation}([${Object.keys(usingMetrics).join(', ')}])`,
      usingMetrics,
      label: 'Ready tasks',
      period: Duration.minutes(1),
    });
  }

  #add(name: string, options: AlarmOptions): cloudwatch.Alarm {
    const alarm = new cloudwatch.Alarm(this, name, {
      alarmDescription: this.#describe(name, options.says),
      metric: options.metric,
      threshold: options.threshold,
      comparisonOperator: options.comparison ?? GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: options.periods ?? 1,
      treatMissingData: options.missing,
    });
    this.#notify(alarm, options.severity);
    return alarm;
  }

  #describe(name: string, says: string): string {
    return `${says}. What to do: ${this.#props.runbookUrl}#${name.toLowerCase()}`;
  }

  #notify(alarm: cloudwatch.Alarm, severity: 'page' | 'warning'): void {
    this.all.push(alarm);
    const { pageTopic, warningTopic } = this.#props;
    const topic = severity === 'page' ? pageTopic : (warningTopic ?? pageTopic);
    if (topic === undefined) return;
    const action = new actions.SnsAction(topic);
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
  }
}
