// The construct: an SMTP service on Fargate behind fixed addresses, with alarms, dashboard and DNS records.
import {
  aws_cloudwatch as cloudwatch,
  type aws_dynamodb as dynamodb,
  aws_ec2 as ec2,
  aws_ecs as ecs,
  aws_iam as iam,
  type aws_kms as kms,
  type aws_lambda as lambda,
  aws_lambda_destinations as destinations,
  type aws_logs as logs,
  type aws_s3 as s3,
  type aws_sns as sns,
  aws_sns_subscriptions as subscriptions,
  type aws_sqs as sqs,
  Aws,
  Names,
  Stack,
} from 'aws-cdk-lib';
import { Construct, type IConstruct } from 'constructs';
import type { Configuration } from '../../src/config/index.ts';
import type { MetricName } from '../../src/telemetry/metric-names.ts';
import type { BoundCertificate } from '../certificate/tls-certificate.ts';
import { MailData } from '../data/mail-data.ts';
import { Dns, renderRecords } from '../network/dns.ts';
import { Edge, type PublishedPort } from '../network/edge.ts';
import { Network } from '../network/network.ts';
import { MalwareProtection } from '../scan/malware-protection.ts';
import { Alarms } from '../watch/alarms.ts';
import { cloudWatchConsole } from '../watch/console.ts';
import { Dashboard, type WatchedParts } from '../watch/dashboard.ts';
import { LogQueries } from '../watch/log-queries.ts';
import { bridgeMetric, type BridgeMetricOptions } from '../watch/metrics.ts';
import { readRunbook } from '../watch/runbook.ts';
import { completeConfiguration } from './configuration.ts';
import { ExampleSubscriber } from './example-subscriber.ts';
import { ProgramImage } from './image.ts';
import { type MailBridgePlan, planMailBridge } from './mail-bridge-plan.ts';
import type { MailBridgeProps } from './mail-bridge-props.ts';
import { nameMailSources } from './mail-sources.ts';
import { acknowledgePrefixes } from './prefix-findings.ts';
import { Service } from './service.ts';
import type { SubscriberOptions } from './subscriber-options.ts';
import { makeDeadLetterQueue, SubscriberQueue } from './subscriber-queue.ts';
import { distinctKeys, makeTaskRole, tableWrites } from './task-role.ts';

const MARK = Symbol.for('mailsluice.MailBridge');

export class MailBridge extends Construct implements ec2.IConnectable {
  /** Whether a construct is a MailBridge, of this copy of the module or of another. */
  static isMailBridge(construct: IConstruct): construct is MailBridge {
    return MARK in construct;
  }

  readonly bucket: s3.IBucket;
  readonly topic: sns.ITopic;
  /** The topic of mail that is marked for quarantine, if it was given. */
  readonly quarantineTopic: sns.ITopic | undefined;
  readonly table: dynamodb.ITable;
  readonly vpc: ec2.IVpc;
  readonly service: ecs.FargateService;
  readonly cluster: ecs.ICluster;
  readonly loadBalancer: Edge['loadBalancer'];
  readonly logGroup: logs.LogGroup;
  readonly taskRole: iam.Role;
  readonly alarms: readonly cloudwatch.Alarm[];
  /** None with basic monitoring. */
  readonly dashboard: cloudwatch.Dashboard | undefined;
  /** The security group of the load balancer: `connections.allowFrom` opens it to more peers. */
  readonly connections: ec2.Connections;
  /** The value of the dimension `Stage` in every metric. */
  readonly stage: string;
  /** The key prefixes that mail is stored under. */
  readonly mailPrefixes: readonly string[];
  /** The public port and the container port of each listener. */
  readonly ports: readonly PublishedPort[];
  /** The secret in which the certificate is replaced by hand, if it is in a secret. */
  readonly certificateSecret: BoundCertificate['secret'];
  /** The DNS records, one a line. With a hosted zone they are created; otherwise they are to be created by hand. */
  readonly dnsRecords: string;
  /** The fixed addresses, if they are known. */
  readonly addresses: readonly string[];
  /** The allocation ids of the fixed addresses. */
  readonly allocationIds: readonly string[];
  /** The program's configuration with its defaults. */
  readonly configuration: Configuration;
  /** Of the mail and its notifications. */
  readonly #keys: readonly kms.IKey[];
  readonly #alarms: Alarms;

  constructor(scope: Construct, id: string, given: MailBridgeProps) {
    super(scope, id);
    Object.defineProperty(this, MARK, { value: true });
    // JavaScript can leave them out, which is reported as what they lack.
    const props = (given as MailBridgeProps | undefined) ?? ({} as MailBridgeProps);
    const plan = planMailBridge(this, props);
    this.stage = plan.stage;
    this.configuration = plan.configuration;
    this.ports = plan.ports;
    this.mailPrefixes = plan.mailPrefixes;

    const data = this.#makeData(props, plan);
    this.bucket = data.bucket;
    this.topic = data.topic;
    this.quarantineTopic = props.quarantineTopic;
    this.table = data.table;
    this.addresses = props.addresses ?? data.addresses;
    this.allocationIds = props.allocationIds ?? data.allocationIds;

    const network = this.#makeNetwork(props, plan);
    this.vpc = network.vpc;
    const edge = this.#makeEdge(plan, this.allocationIds);
    this.loadBalancer = edge.loadBalancer;
    this.connections = new ec2.Connections({
      securityGroups: [edge.securityGroup],
      defaultPort: ec2.Port.tcp(this.ports[0]?.publicPort ?? 25),
    });

    const certificate = plan.certificate.bind(this, this.configuration.hostname);
    this.certificateSecret = certificate.secret;
    this.#keys = distinctKeys([
      props.encryptionKey,
      this.bucket.encryptionKey,
      this.topic.masterKey,
    ]);
    this.taskRole = this.#makeTaskRole(certificate);
    const service = this.#makeService(props, plan, { network, edge, certificate });
    if (plan.malwareProtection) this.#protect();
    this.service = service.service;
    this.cluster = service.cluster;
    this.logGroup = service.logGroup;

    const watched = this.#watchedParts(edge);
    this.#alarms = this.#makeAlarms(props, plan, watched);
    this.alarms = this.#alarms.all;
    if (plan.exampleSubscriber) {
      this.addSubscriber(new ExampleSubscriber(this, 'ExampleSubscriber').handler);
    }
    this.dashboard =
      plan.monitoring === 'basic'
        ? undefined
        : new Dashboard(this, 'Dashboard', {
            ...watched,
            alarms: this.alarms,
            name: this.#dashboardName,
            articles: props.runbookUrl === undefined ? readRunbook() : new Map<string, string>(),
          }).dashboard;
    new LogQueries(this, 'LogQueries', { stage: this.stage, logGroup: this.logGroup });
    this.dnsRecords = this.#publishDns(props, plan);
  }

  /** Grants the right to read and decrypt the stored mail. */
  grantReadMail(grantee: iam.IGrantable): iam.Grant {
    const { bucketArn } = this.bucket;
    const { grantPrincipal } = grantee;
    if (Construct.isConstruct(grantPrincipal)) {
      acknowledgePrefixes(grantPrincipal, bucketArn, this.mailPrefixes);
    }
    const read = iam.Grant.addToPrincipal({
      grantee,
      actions: ['s3:GetObject'],
      resourceArns: this.mailPrefixes.map((prefix) => `${bucketArn}/${prefix}*`),
    });
    if (this.#keys.length === 0) return read;
    return read.combine(
      iam.Grant.addToPrincipal({
        grantee,
        actions: ['kms:Decrypt'],
        resourceArns: this.#keys.map(({ keyArn }) => keyArn),
      }),
    );
  }

  /**
   * Subscribes a function or a queue. A function gets its mail through a queue, in batches of which it may give back
   * single records, and is granted the right to read mail; the consumer of a queue needs `grantReadMail`. Returns the
   * dead-letter queue, which takes the notifications that could not be delivered or handled, and has an alarm.
   */
  addSubscriber(
    subscriber: lambda.IFunction | sqs.IQueue,
    options: SubscriberOptions = {},
  ): sqs.IQueue {
    const suffix = Names.nodeUniqueId(subscriber.node).slice(-8);
    const isFunction = 'functionArn' in subscriber;
    const isDirect = isFunction && options.direct === true;
    const through =
      isFunction && !isDirect
        ? new SubscriberQueue(this, `Subscriber${suffix}`, {
            handler: subscriber,
            deadLetterQueue: options.deadLetterQueue,
          })
        : undefined;
    const deadLetterQueue =
      through?.deadLetterQueue ??
      options.deadLetterQueue ??
      makeDeadLetterQueue(this, `DeadLetters${suffix}`);
    const common = {
      deadLetterQueue,
      ...(options.filterPolicy && { filterPolicy: { ...options.filterPolicy } }),
    };
    if (isFunction) {
      this.grantReadMail(subscriber);
      nameMailSources(subscriber, this.bucket.bucketName, this.mailPrefixes);
    }
    if (isFunction && isDirect) {
      subscriber.configureAsyncInvoke({
        onFailure: new destinations.SqsDestination(deadLetterQueue),
      });
      this.topic.addSubscription(new subscriptions.LambdaSubscription(subscriber, common));
    } else {
      const queue = through?.queue ?? (subscriber as sqs.IQueue);
      this.topic.addSubscription(new subscriptions.SqsSubscription(queue, common));
    }
    this.#alarms.addSubscriber(suffix, through?.queue, deadLetterQueue);
    return deadLetterQueue;
  }

  /** One of the program's metrics; the sum over all labels unless `labels` names some. */
  metric(name: MetricName, options: BridgeMetricOptions = {}): cloudwatch.Metric {
    return bridgeMetric(this.stage, name, options);
  }

  /** Messages that were answered 250. Sum over a minute. */
  metricMessagesAccepted(options?: BridgeMetricOptions): cloudwatch.Metric {
    return this.metric('MessagesAccepted', options);
  }

  /** Messages and recipients that were answered 5yz. Sum over a minute. */
  metricMessagesRejected(options?: BridgeMetricOptions): cloudwatch.Metric {
    return this.metric('MessagesRejected', options);
  }

  /** Messages that were answered 4yz. Sum over a minute. */
  metricMessagesDeferred(options?: BridgeMetricOptions): cloudwatch.Metric {
    return this.metric('MessagesDeferred', options);
  }

  /** Messages that could not be stored or announced. Sum over a minute. */
  metricCommitFailures(options?: BridgeMetricOptions): cloudwatch.Metric {
    return this.metric('CommitFailures', options);
  }

  /** Milliseconds from the end of a message to its reply. Average over a minute. */
  metricCommitLatency(options?: BridgeMetricOptions): cloudwatch.Metric {
    return this.metric('CommitLatency', options);
  }

  /** Open connections of one task. Maximum over a minute. */
  metricActiveConnections(options?: BridgeMetricOptions): cloudwatch.Metric {
    return this.metric('ActiveConnections', options);
  }

  /** Sign-ins that were refused. Sum over a minute. */
  metricAuthFailures(options?: BridgeMetricOptions): cloudwatch.Metric {
    return this.metric('AuthFailures', options);
  }

  /** Seconds that the oldest notification has waited in the outbox. Maximum over a minute. */
  metricOutboxOldestAge(options?: BridgeMetricOptions): cloudwatch.Metric {
    return this.metric('OutboxOldestAge', options);
  }

  /** Creates what is not given. */
  #makeData(
    { bucket, topic, table, encryptionKey, allocationIds }: MailBridgeProps,
    { zones, internetFacing }: MailBridgePlan,
  ): MailData {
    return new MailData(this, 'Data', {
      addresses: internetFacing && allocationIds === undefined ? zones : 0,
      protectTable: false,
      ...(bucket && { bucket }),
      ...(topic && { topic }),
      ...(table && { table }),
      ...(encryptionKey && { encryptionKey }),
    });
  }

  #makeNetwork({ vpc, taskSubnets }: MailBridgeProps, plan: MailBridgePlan): Network {
    return new Network(this, 'Network', {
      ...plan,
      vpc,
      taskSubnets,
      bucketArn: this.bucket.bucketArn,
      usesAcm: plan.certificate.source === 'acm',
    });
  }

  #makeEdge(plan: MailBridgePlan, allocationIds: readonly string[]): Edge {
    return new Edge(this, 'Edge', {
      ...plan,
      vpc: this.vpc,
      subnets: plan.loadBalancerSubnets,
      allocationIds,
    });
  }

  get #topics(): sns.ITopic[] {
    return this.quarantineTopic === undefined ? [this.topic] : [this.topic, this.quarantineTopic];
  }

  #makeTaskRole(certificate: BoundCertificate): iam.Role {
    return makeTaskRole(this, 'TaskRole', {
      bucketArn: this.bucket.bucketArn,
      mailPrefixes: this.mailPrefixes,
      topicArns: this.#topics.map(({ topicArn }) => topicArn),
      tableArn: this.table.tableArn,
      tableWrites: tableWrites(this.configuration),
      keyArns: distinctKeys([
        ...this.#keys,
        ...this.#topics.map(({ masterKey }) => masterKey),
        certificate.secret?.encryptionKey,
      ]).map(({ keyArn }) => keyArn),
      tableKeyArn: this.table.encryptionKey?.keyArn,
      certificateStatements: certificate.statements,
    });
  }

  #protect(): void {
    const keyArns = this.#keys.map(({ keyArn }) => keyArn);
    const { bucket, mailPrefixes } = this;
    new MalwareProtection(this, 'MalwareProtection', { bucket, mailPrefixes, keyArns });
  }

  #makeService(
    props: MailBridgeProps,
    plan: MailBridgePlan,
    parts: {
      readonly network: Network;
      readonly edge: Edge;
      readonly certificate: BoundCertificate;
    },
  ): Service {
    const { network, edge, certificate } = parts;
    const { cluster, image } = props;
    const service = new Service(this, 'Service', {
      ...plan,
      vpc: this.vpc,
      subnets: network.taskSubnets,
      assignPublicIp: network.assignPublicIp,
      cluster,
      image: image ?? ProgramImage.fromPackage(plan.architecture),
      taskRole: this.taskRole,
      edge,
      needsScanners: this.configuration.scan?.onFailure === 'defer',
      activeConnections: this.metricActiveConnections({ statistic: cloudwatch.Stats.AVERAGE }),
      configuration: this.#renderConfiguration(plan, props, certificate),
    });
    // The tasks start after the rights and the certificate that they need.
    service.service.node.addDependency(this.taskRole);
    // And after the way out: a task that cannot pull its image counts against the first deployment.
    service.service.node.addDependency(network);
    if (certificate.dependency !== undefined) {
      service.service.node.addDependency(certificate.dependency);
    }
    return service;
  }

  #renderConfiguration(
    { program, clientAddress, monitoring }: MailBridgePlan,
    { scanners = {} }: MailBridgeProps,
    certificate: BoundCertificate,
  ): string {
    const resources = {
      bucket: this.bucket.bucketName,
      topicArn: this.topic.topicArn,
      ...(this.quarantineTopic && { quarantineTopicArn: this.quarantineTopic.topicArn }),
      table: this.table.tableName,
      certificate: certificate.configuration,
      stage: this.stage,
      monitoring,
      scanners,
      loadBalancerCidrs: [this.vpc.vpcCidrBlock],
    };
    return Stack.of(this).toJsonString(completeConfiguration(program, resources, clientAddress));
  }

  /** Dashboards of all regions share their names. */
  get #dashboardName(): string {
    return `${Names.uniqueResourceName(this, { maxLength: 200, separator: '-' })}-${Aws.REGION}`;
  }

  /** What the alarms and the dashboard look at. */
  #watchedParts({ targetGroups }: Edge): WatchedParts {
    return {
      stage: this.stage,
      service: this.service,
      loadBalancer: this.loadBalancer,
      targetGroups: targetGroups.map(({ targetGroup }) => targetGroup),
      topic: this.topic,
    };
  }

  #makeAlarms(
    { alarmTopic, warningTopic, runbookUrl }: MailBridgeProps,
    { minimumTasks, monitoring }: MailBridgePlan,
    watched: WatchedParts,
  ): Alarms {
    const dashboardUrl = `${cloudWatchConsole(this)}#dashboards/dashboard/${this.#dashboardName}`;
    const alarms = new Alarms(this, 'Alarms', {
      ...watched,
      minimumTasks,
      monitoring,
      pageTopic: alarmTopic,
      warningTopic,
      runbook: { runbookUrl, dashboardUrl: monitoring === 'basic' ? undefined : dashboardUrl },
    });
    // A release that cannot store mail is rolled back.
    watched.service.enableDeploymentAlarms([alarms.commitFailures.alarmName], {
      behavior: ecs.AlarmBehavior.ROLLBACK_ON_ALARM,
    });
    return alarms;
  }

  /** Creates the records if there is a hosted zone; returns them in either case. */
  #publishDns(
    { hostedZone }: MailBridgeProps,
    { dns, dualStack, mxRecords }: MailBridgePlan,
  ): string {
    if (hostedZone !== undefined) {
      new Dns(this, 'Dns', {
        ...dns,
        hostedZone,
        loadBalancer: this.loadBalancer,
        dualStack,
        mxRecords,
        service: this.service,
      });
    }
    return renderRecords(dns, this.addresses, this.loadBalancer.loadBalancerDnsName);
  }
}
