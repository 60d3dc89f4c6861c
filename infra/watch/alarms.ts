// The alarms. Each has an article of its name in RUNBOOK.md, which begins with the alarm's own text, and a reason
// for how it treats missing data. A text takes its numbers from the alarm.
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
import type { MetricName } from '../../src/telemetry/metric-names.ts';
import type { Monitoring } from '../bridge/choices.ts';
import type { AlarmOptions } from './alarm-options.ts';
import { COUNTER_ALARMS } from './counter-alarms.ts';
import { bridgeMetric } from './metrics.ts';
import { renderPlace, type RunbookPlaces } from './runbook.ts';
import { verifyTempErrors } from './verify-alarm.ts';
import { atLeast, timeInWords } from './words.ts';

export interface AlarmsProps {
  readonly stage: string;
  readonly service: ecs.FargateService;
  readonly loadBalancer: elbv2.NetworkLoadBalancer;
  readonly targetGroups: readonly elbv2.NetworkTargetGroup[];
  readonly topic: sns.ITopic;
  readonly minimumTasks: number;
  readonly monitoring: Monitoring;
  /** Gets the alarms that cannot wait. */
  readonly pageTopic: sns.ITopic | undefined;
  /** Gets the alarms that can wait until the morning. */
  readonly warningTopic: sns.ITopic | undefined;
  /** Where the articles of the alarms are. */
  readonly runbook: RunbookPlaces;
}

const { BREACHING, NOT_BREACHING } = cloudwatch.TreatMissingData;
const { GREATER_THAN_OR_EQUAL_TO_THRESHOLD, GREATER_THAN_THRESHOLD, LESS_THAN_THRESHOLD } =
  cloudwatch.ComparisonOperator;
const five = Duration.minutes(5);
/** Messages in one period below which one deferral is no ratio. */
const RATIO_MESSAGES = 10;
const SIGN_IN_PERIODS = 3;

export class Alarms extends Construct {
  readonly all: cloudwatch.Alarm[] = [];
  /** What a deployment is rolled back for. */
  readonly commitFailures: cloudwatch.Alarm;
  readonly #props: AlarmsProps;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.#props = props;
    this.commitFailures = this.#addCommitFailures();
    this.#addOldestInOutbox();
    this.#addSignInErrors();
    this.#addCertificateExpiry();
    this.#addMemory();
    this.#addService();
    // The others look at metrics that are not emitted then, or can be done without.
    if (props.monitoring === 'basic') return;
    this.#addCommit();
    this.#addOutbox();
    this.#addSignIn();
    this.#addAttacks();
    this.#addCounters();
    this.#add('VerifyTempErrors', verifyTempErrors(this.#metric.bind(this)));
    this.#addCertificate();
    this.#addProcess();
    this.#addLoadBalancer();
  }

  /** For the dead-letter queue of a subscriber, and for its queue if that was made for it. */
  addSubscriber(suffix: string, queue: sqs.IQueue | undefined, deadLetters: sqs.IQueue): void {
    if (queue !== undefined) this.#addQueue(suffix, queue);
    this.#add(
      'SubscriberDeadLetters',
      {
        severity: 'warning',
        says: ({ threshold }) =>
          `The dead-letter queue of a subscriber holds ${atLeast(threshold, 'notification')}`,
        metric: deadLetters.metricApproximateNumberOfMessagesVisible({
          period: five,
          statistic: cloudwatch.Stats.MAXIMUM,
        }),
        threshold: 1,
        missing: NOT_BREACHING,
      },
      suffix,
    );
  }

  #addQueue(suffix: string, queue: sqs.IQueue): void {
    this.#add(
      'SubscriberBehind',
      {
        severity: 'warning',
        says: ({ threshold }) =>
          `A notification has waited ${timeInWords(Duration.seconds(threshold))} for a subscriber`,
        metric: queue.metricApproximateAgeOfOldestMessage({
          period: five,
          statistic: cloudwatch.Stats.MAXIMUM,
        }),
        threshold: 900,
        // SQS reports nothing for a queue that is not used.
        missing: NOT_BREACHING,
      },
      suffix,
    );
  }

  #addCommit(): void {
    const deferred = this.#metric('MessagesDeferred', { period: five });
    const accepted = this.#metric('MessagesAccepted', { period: five });
    this.#add('DeferredRatio', {
      severity: 'page',
      says: ({ threshold, time }) =>
        `More than ${threshold} % of the messages within ${time} were answered 4yz`,
      metric: new cloudwatch.MathExpression({
        expression: `IF(deferred + accepted >= ${RATIO_MESSAGES}, 100 * deferred / (deferred + accepted), 0)`,
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
      says: ({ threshold, time }) =>
        `For ${time}, the slowest 1 % of the senders have waited more than ${threshold / 1000} s for the reply to their message`,
      metric: this.#metric('CommitLatency', { statistic: 'p99' }),
      threshold: 5000,
      comparison: GREATER_THAN_THRESHOLD,
      periods: 5,
      // No mail, no latency.
      missing: NOT_BREACHING,
    });
    this.#add('OverloadRefusals', {
      severity: 'warning',
      says: ({ threshold, time }) =>
        `Within ${time}, mail was turned away ${atLeast(threshold, 'time')}: memory was short, or S3 did not answer`,
      metric: this.#metric('OverloadRefusals', { period: five }),
      threshold: 10,
      missing: NOT_BREACHING,
    });
    this.#add('MessagesShed', {
      severity: 'warning',
      says: ({ threshold, time }) =>
        `Within ${time}, ${atLeast(threshold, 'message')} had to give up memory for others: it was short, and some clients held much of it`,
      metric: this.#metric('MessagesShed', { period: five }),
      threshold: 20,
      missing: NOT_BREACHING,
    });
    this.#add('ConnectionsShed', {
      severity: 'warning',
      says: ({ threshold, time }) =>
        `Within ${time}, ${atLeast(threshold, 'connection')} had to make room for others: there were as many as a task accepts`,
      metric: this.#metric('ConnectionsShed', { period: five }),
      threshold: 100,
      missing: NOT_BREACHING,
    });
  }

  #addCommitFailures(): cloudwatch.Alarm {
    return this.#add('CommitFailures', {
      severity: 'page',
      says: ({ threshold, time }) =>
        `Within ${time}, ${atLeast(threshold, 'message')} could not be stored or announced, and were answered 451`,
      metric: this.#metric('CommitFailures', { period: five }),
      threshold: 5,
      missing: NOT_BREACHING,
    });
  }

  #addOldestInOutbox(): void {
    this.#add('OutboxOldestAge', {
      severity: 'page',
      says: ({ threshold }) =>
        `A notification has waited in the outbox for more than ${timeInWords(Duration.seconds(threshold))}`,
      metric: this.#metric('OutboxOldestAge'),
      threshold: 300,
      comparison: GREATER_THAN_THRESHOLD,
      periods: 3,
      // Every task reports it in every interval; without tasks another alarm sounds.
      missing: NOT_BREACHING,
    });
  }

  #addOutbox(): void {
    this.#add('OutboxSkipped', {
      severity: 'warning',
      says: ({ threshold, time }) =>
        `For ${time}, ${atLeast(threshold, 'notification')} in the outbox could not be published, for a reason that is its own or its topic's`,
      metric: this.#metric('OutboxSkipped', { period: five }),
      threshold: 1,
      missing: NOT_BREACHING,
    });
    this.#add('OutboxSetAside', {
      severity: 'page',
      says: ({ threshold, time }) =>
        `Within ${time}, ${atLeast(threshold, 'notification')} from the outbox was refused too often and set aside`,
      metric: this.#metric('OutboxSetAside', { period: five }),
      threshold: 1,
      missing: NOT_BREACHING,
    });
    this.#add('NotificationsFailed', {
      severity: 'warning',
      says: ({ threshold, time }) =>
        `Within ${time}, SNS could not deliver ${atLeast(threshold, 'notification')} to a subscriber`,
      metric: this.#props.topic.metricNumberOfNotificationsFailed({
        period: five,
        statistic: cloudwatch.Stats.SUM,
      }),
      threshold: 1,
      // SNS reports nothing when nothing was published.
      missing: NOT_BREACHING,
    });
  }

  #addSignInErrors(): void {
    this.#add('AuthBackendErrors', {
      severity: 'page',
      says: ({ threshold, time }) =>
        `Within ${time}, ${atLeast(threshold, 'sign-in')} could not be checked, and were answered 454`,
      metric: this.#metric('AuthBackendErrors', { period: five }),
      threshold: 10,
      missing: NOT_BREACHING,
    });
  }

  #addSignIn(): void {
    const metric = this.#metric('AuthFailures', { period: five });
    const time = timeOf(metric, SIGN_IN_PERIODS);
    const alarm = new cloudwatch.AnomalyDetectionAlarm(this, 'AuthFailures', {
      alarmDescription: this.#describe(
        'AuthFailures',
        `For ${time}, far more sign-ins than usual have been refused`,
      ),
      metric,
      stdDevs: 4,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_UPPER_THRESHOLD,
      evaluationPeriods: SIGN_IN_PERIODS,
      treatMissingData: NOT_BREACHING,
    });
    this.#notify(alarm, 'warning');
  }

  #addCounters(): void {
    for (const { name, severity, threshold, says } of COUNTER_ALARMS) {
      this.#add(name, {
        severity,
        says: (numbers) => `Within ${numbers.time}, ${says(numbers.threshold)}`,
        metric: this.#metric(name, { period: five }),
        threshold,
        // The program counts zeros.
        missing: NOT_BREACHING,
      });
    }
  }

  #addAttacks(): void {
    this.#add('MemoryOfOneClient', {
      severity: 'warning',
      says: ({ threshold, time }) =>
        `For ${time}, one client has held at least ${threshold} % of the memory for messages`,
      metric: this.#metric('RamBudgetLargestClientShare', { period: five }),
      threshold: 50,
      periods: 3,
      // Every task reports it in every interval; without tasks another alarm sounds.
      missing: NOT_BREACHING,
    });
  }

  #addCertificateExpiry(): void {
    this.#addExpiry('CertificateExpiresSoon', 'warning', 21);
  }

  #addExpiry(name: string, severity: 'page' | 'warning', threshold: number): void {
    this.#add(name, {
      severity,
      says: () => `A certificate expires in less than ${threshold} days`,
      metric: this.#metric('CertDaysToExpiry', {
        period: Duration.hours(1),
        statistic: cloudwatch.Stats.MINIMUM,
      }),
      threshold,
      comparison: LESS_THAN_THRESHOLD,
      // A program without a certificate reports nothing here; it is not ready then, and UnhealthyTasks sounds.
      missing: NOT_BREACHING,
    });
  }

  #addCertificate(): void {
    this.#addExpiry('CertificateExpires', 'page', 7);
    this.#add('CertReloadErrors', {
      severity: 'warning',
      says: ({ threshold, time }) =>
        `Within ${time}, ${atLeast(threshold, 'attempt')} to use a newer certificate failed; the old one is still served`,
      metric: this.#metric('CertReloadErrors', { period: five }),
      threshold: 1,
      missing: NOT_BREACHING,
    });
  }

  #addProcess(): void {
    this.#add('EventLoopLag', {
      severity: 'warning',
      says: ({ threshold, time }) =>
        `For ${time}, the event loop of a task has been delayed by more than ${threshold} ms`,
      metric: this.#metric('EventLoopLagP99'),
      threshold: 200,
      comparison: GREATER_THAN_THRESHOLD,
      periods: 5,
      missing: NOT_BREACHING,
    });
    this.#add('LogLinesDropped', {
      severity: 'warning',
      says: ({ threshold, time }) => `Within ${time}, ${atLeast(threshold, 'log line')} was lost`,
      metric: this.#metric('LogLinesDropped', { period: five }),
      threshold: 1,
      missing: NOT_BREACHING,
    });
    this.#add('CpuHigh', {
      severity: 'warning',
      says: ({ threshold, time }) =>
        `For ${time}, the tasks have used more than ${threshold} % of their CPU`,
      metric: this.#props.service.metricCpuUtilization({ period: five }),
      threshold: 80,
      comparison: GREATER_THAN_THRESHOLD,
      periods: 2,
      // Without tasks there is no utilisation, and UnhealthyTasks sounds.
      missing: NOT_BREACHING,
    });
  }

  #addMemory(): void {
    this.#add('MemoryHigh', {
      severity: 'warning',
      says: ({ threshold, time }) =>
        `For ${time}, the tasks have used more than ${threshold} % of their memory`,
      metric: this.#props.service.metricMemoryUtilization({ period: five }),
      threshold: 80,
      comparison: GREATER_THAN_THRESHOLD,
      periods: 2,
      missing: NOT_BREACHING,
    });
  }

  #addService(): void {
    const alarm = this.#add('UnhealthyTasks', {
      severity: 'page',
      // The threshold is the minimum of the deployment, which the runbook cannot know.
      says: ({ time }) =>
        `For ${time}, a port has had fewer ready tasks behind it than the service needs`,
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
    // Made when the tasks are ready, so that the first deployment pages nobody.
    alarm.node.addDependency(this.#props.service);
  }

  #addLoadBalancer(): void {
    this.#add('PortAllocationErrors', {
      severity: 'warning',
      says: ({ threshold, time }) =>
        `Within ${time}, the load balancer had no source port for ${atLeast(threshold, 'connection')} to a task`,
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

  /** `suffix` tells alarms of one name apart. */
  #add(name: string, options: AlarmOptions, suffix = ''): cloudwatch.Alarm {
    const { metric, threshold, periods = 1 } = options;
    const says = options.says({ threshold, time: timeOf(metric, periods) });
    const alarm = new cloudwatch.Alarm(this.#scopeOf(suffix), name, {
      alarmDescription: this.#describe(name, says),
      metric,
      threshold,
      comparisonOperator: options.comparison ?? GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: options.missing,
    });
    this.#notify(alarm, options.severity);
    return alarm;
  }

  /** Of the alarms of one subscriber. */
  #scopeOf(suffix: string): Construct {
    if (suffix === '') return this;
    return (this.node.tryFindChild(suffix) as Construct | undefined) ?? new Construct(this, suffix);
  }

  #describe(name: string, says: string): string {
    return `${says}. What to do: ${renderPlace(name, this.#props.runbook)}`;
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

function timeOf({ period }: { readonly period: Duration }, periods: number): string {
  return timeInWords(Duration.seconds(period.toSeconds() * periods));
}
