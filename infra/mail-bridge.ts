// The construct: an SMTP service on Fargate behind fixed addresses, with everything to run it in earnest.
import {
  type aws_dynamodb as dynamodb,
  aws_cloudwatch as cloudwatch,
  aws_ec2 as ec2,
  aws_ecs as ecs,
  aws_iam as iam,
  type aws_kms as kms,
  type aws_lambda as lambda,
  aws_logs as logs,
  type aws_route53 as route53,
  type aws_s3 as s3,
  type aws_sns as sns,
  aws_sns_subscriptions as subscriptions,
  aws_sqs as sqs,
  Annotations,
  Names,
  Stack,
} from 'aws-cdk-lib';
import { Construct, type IConstruct } from 'constructs';
import type { Configuration } from '../src/config/index.ts';
import type { MetricName } from '../src/telemetry/metric-names.ts';
import { Alarms } from './alarms.ts';
import {
  type BridgeConfiguration,
  checkBridgeConfiguration,
  completeConfiguration,
  mailPrefixes,
} from './bridge-configuration.ts';
import { BridgeImage } from './bridge-image.ts';
import { bridgeMetric, type BridgeMetricOptions } from './bridge-metrics.ts';
import { ClientAddress, Egress, type MtaStsMode } from './choices.ts';
import { Dashboard } from './dashboard.ts';
import { checkDnsPlan, Dns, type DnsPlan, renderRecords } from './dns.ts';
import { Edge, type PublishedPort } from './edge.ts';
import { ExampleSubscriber } from './example-subscriber.ts';
import { LogQueries } from './log-queries.ts';
import { MailData } from './mail-data.ts';
import { Network } from './network.ts';
import { Service } from './service.ts';
import { makeTaskRole, type TableWrite } from './task-role.ts';
import { type BoundCertificate, TlsCertificate } from './tls-certificate.ts';

export interface MailBridgeProps {
  /** The program's configuration: what `mailsluice serve` reads, without what names AWS resources. */
  readonly bridge: BridgeConfiguration;

  /**
   * Where mail is stored.
   * @default - a new bucket: TLS only, encrypted, versioned, no public access, retained
   */
  readonly bucket?: s3.IBucket;
  /**
   * Where mail is announced.
   * @default - a new topic, TLS only, retained
   */
  readonly topic?: sns.ITopic;
  /**
   * The credentials. Partition key `pk` (string), TTL attribute `ttl`.
   * @default - a new table: on demand, point-in-time recovery, deletion protection, retained
   */
  readonly table?: dynamodb.ITable;
  /**
   * The key of bucket and topic, where they are given and have one that they do not know of.
   * @default - the keys that bucket and topic know of
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * Allocation ids of Elastic IP addresses, one for each zone.
   * @default - new addresses, retained; none where the load balancer is internal
   */
  readonly allocationIds?: readonly string[];
  /**
   * Those addresses themselves, for the DNS records to paste.
   * @default - known where the addresses are new
   */
  readonly addresses?: readonly string[];

  /**
   * The VPC. To one that is given nothing is added: it should have gateway endpoints for S3 and DynamoDB.
   * @default - a new VPC
   */
  readonly vpc?: ec2.IVpc;
  /**
   * Subnets of the tasks.
   * @default - those that `egress` calls for
   */
  readonly taskSubnets?: ec2.SubnetSelection;
  /**
   * Subnets of the load balancer, one for each zone.
   * @default - public; those of the tasks where it is internal
   */
  readonly loadBalancerSubnets?: ec2.SubnetSelection;
  /**
   * How the tasks reach AWS.
   * @default Egress.nat(1)
   */
  readonly egress?: Egress;
  /**
   * Zones of a new VPC; the service and its addresses are in all of them.
   * @default 2
   */
  readonly zones?: number;
  /**
   * Whether the internet reaches the load balancer.
   * @default true
   */
  readonly internetFacing?: boolean;
  /**
   * Who may connect.
   * @default - everybody
   */
  readonly allowedPeers?: readonly ec2.IPeer[];
  /**
   * The public port of each listener, by its name.
   * @default - 25, 587 and 465 for listeners on 2525, 2587 and 2465
   */
  readonly ports?: Readonly<Record<string, number>>;
  /**
   * How the program learns who its client is. Read the warning of `ClientAddress.proxyProtocol` before using it.
   * @default ClientAddress.preserved()
   */
  readonly clientAddress?: ClientAddress;
  /**
   * IPv6 besides IPv4. Needs `ClientAddress.proxyProtocol()`, with what is said there.
   * @default false
   */
  readonly dualStack?: boolean;

  /**
   * Certificate and key.
   * @default TlsCertificate.selfSigned()
   */
  readonly certificate?: TlsCertificate;
  /**
   * The container image.
   * @default - the one of this package, built when it is deployed
   */
  readonly image?: ecs.ContainerImage;
  /**
   * The cluster to run in.
   * @default - a new one with Container Insights
   */
  readonly cluster?: ecs.ICluster;
  /**
   * CPU units of a task; 1024 are one processor.
   * @default 512
   */
  readonly cpu?: number;
  /**
   * Memory of a task in MiB.
   * @default 1024
   */
  readonly memoryMiB?: number;
  /**
   * Processor of the tasks.
   * @default ecs.CpuArchitecture.ARM64
   */
  readonly architecture?: ecs.CpuArchitecture;
  /**
   * The fewest tasks.
   * @default - one for each zone
   */
  readonly minimumTasks?: number;
  /**
   * The most tasks.
   * @default 10
   */
  readonly maximumTasks?: number;
  /**
   * Key prefixes besides those of `bridge`, as credentials may have one of their own.
   * @default - none
   */
  readonly additionalPrefixes?: readonly string[];

  /**
   * Where DNS records are made.
   * @default - none are made; they are an output to paste
   */
  readonly hostedZone?: route53.IHostedZone;
  /**
   * Domains whose mail comes here, for their MX records.
   * @default - none
   */
  readonly mailDomains?: readonly string[];
  /**
   * MTA-STS for these domains.
   * @default 'none'
   */
  readonly mtaSts?: MtaStsMode;
  /**
   * Where other mail servers report on TLS (RFC 8460).
   * @default - they are not asked to
   */
  readonly tlsReportAddress?: string;
  /**
   * These domains send no mail: says so by SPF and DMARC.
   * @default false
   */
  readonly receiveOnly?: boolean;

  /**
   * Tells this installation's metrics from those of another in the same account and region.
   * @default - a unique name
   */
  readonly stage?: string;
  /**
   * How long the log is kept.
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;
  /**
   * Hears of alarms that cannot wait.
   * @default - nobody is told
   */
  readonly alarmTopic?: sns.ITopic;
  /**
   * Hears of alarms that can wait until the morning.
   * @default - `alarmTopic`
   */
  readonly warningTopic?: sns.ITopic;
  /**
   * Where RUNBOOK.md is to be read; alarms name it, with their article.
   * @default 'infra/RUNBOOK.md'
   */
  readonly runbookUrl?: string;
  /**
   * An example of a subscriber: a queue with a dead-letter queue, and a function that logs each mail's subject.
   * @default false
   */
  readonly exampleSubscriber?: boolean;
}

/** How a subscriber wants to be told. */
export interface SubscriberOptions {
  /**
   * Only mail whose attributes match, as `{ listener: SubscriptionFilter.stringFilter({ allowlist: ['mx'] }) }`.
   * @default - all mail
   */
  readonly filterPolicy?: Readonly<Record<string, sns.SubscriptionFilter>>;
  /**
   * Where notifications go that could not be delivered.
   * @default - a new queue
   */
  readonly deadLetterQueue?: sqs.IQueue;
}

/** What must not be in one process: the deadline of the drain and Fargate's own. */
const STOP_TIMEOUT_SECONDS = 120;
/** The ports that a program without rights can listen on, and those that the world expects. */
const WELL_KNOWN_PORTS: Readonly<Record<number, number>> = { 2525: 25, 2587: 587, 2465: 465 };
/** ECS: target groups of one service. */
const MAX_PORTS = 5;
const CONFIGURATION_CHARACTERS = 40_000;
/** A process with nothing to do. */
const BASE_OCTETS = 128 * 1024 * 1024;
/** One connection with TLS and its buffers; what it holds of a message is in `limits.memory`. */
const CONNECTION_OCTETS = 64 * 1024;
const MARK = Symbol.for('mailsluice.MailBridge');

export class MailBridge extends Construct implements ec2.IConnectable {
  /** Whether a construct is one of these, from whatever copy of this module. */
  static isMailBridge(construct: IConstruct): construct is MailBridge {
    return MARK in construct;
  }

  readonly bucket: s3.IBucket;
  readonly topic: sns.ITopic;
  readonly table: dynamodb.ITable;
  readonly vpc: ec2.IVpc;
  readonly service: ecs.FargateService;
  readonly cluster: ecs.ICluster;
  readonly loadBalancer: Edge['loadBalancer'];
  readonly logGroup: logs.LogGroup;
  readonly taskRole: iam.Role;
  readonly alarms: readonly cloudwatch.Alarm[];
  readonly dashboard: cloudwatch.Dashboard;
  /** The network side: `allowFrom` of it opens the load balancer to more peers. */
  readonly connections: ec2.Connections;
  /** The value of the dimension `Stage` in every metric. */
  readonly stage: string;
  /** The key prefixes that mail is stored under. */
  readonly mailPrefixes: readonly string[];
  /** The ports the world finds, and the program's own. */
  readonly ports: readonly PublishedPort[];
  /** Where a newer certificate can be put by hand, if it is in a secret. */
  readonly certificateSecret: BoundCertificate['secret'];
  /** The DNS records to make, one a line; made already where there is a hosted zone. */
  readonly dnsRecords: string;
  /** The fixed addresses, as far as they are known. */
  readonly addresses: readonly string[];
  /** The program's configuration with its defaults. */
  readonly configuration: Configuration;
  readonly #keys: readonly kms.IKey[];

  constructor(scope: Construct, id: string, props: MailBridgeProps) {
    super(scope, id);
    Object.defineProperty(this, MARK, { value: true });
    const plan = planBridge(this, props);
    this.stage = plan.stage;
    this.configuration = plan.configuration;
    this.ports = plan.ports;
    this.mailPrefixes = plan.mailPrefixes;

    const data = this.#ownData(props, plan);
    this.bucket = props.bucket ?? requireOwn(data?.bucket as s3.IBucket | undefined);
    this.topic = props.topic ?? requireOwn<sns.ITopic>(data?.topic);
    this.table = props.table ?? requireOwn(data?.table as dynamodb.ITable | undefined);
    this.addresses = props.addresses ?? (props.allocationIds ? [] : (data?.addresses ?? []));
    const allocationIds = plan.internetFacing
      ? (props.allocationIds ?? data?.allocationIds ?? [])
      : [];

    const network = new Network(this, 'Network', {
      ...plan,
      vpc: props.vpc,
      taskSubnets: props.taskSubnets,
      loadBalancerSubnets: props.loadBalancerSubnets,
      bucketArn: this.bucket.bucketArn,
      usesAcm: props.certificate?.source === 'acm',
    });
    this.vpc = network.vpc;
    const edge = new Edge(this, 'Edge', {
      ...plan,
      vpc: this.vpc,
      subnets: network.loadBalancerSubnets,
      allocationIds,
    });
    this.loadBalancer = edge.loadBalancer;

    const certificate = (props.certificate ?? TlsCertificate.selfSigned()).bind(
      this,
      this.configuration.hostname,
    );
    this.certificateSecret = certificate.secret;
    this.#keys = distinctKeys([
      props.encryptionKey,
      this.bucket.encryptionKey,
      this.topic.masterKey,
      certificate.secret?.encryptionKey,
    ]);
    this.taskRole = makeTaskRole(this, 'TaskRole', {
      bucketArn: this.bucket.bucketArn,
      mailPrefixes: this.mailPrefixes,
      topicArn: this.topic.topicArn,
      tableArn: this.table.tableArn,
      tableWrites: tableWrites(this.configuration),
      keyArns: this.#keys.map(({ keyArn }) => keyArn),
      certificateStatements: certificate.statements,
    });
    const service = new Service(this, 'Service', {
      ...plan,
      vpc: this.vpc,
      subnets: network.taskSubnets,
      assignPublicIp: network.assignPublicIp,
      cluster: props.cluster,
      image: props.image ?? BridgeImage.fromPackage(plan.architecture),
      taskRole: this.taskRole,
      edge,
      activeConnections: this.metricActiveConnections({ statistic: cloudwatch.Stats.AVERAGE }),
      configuration: Stack.of(this).toJsonString(
        completeConfiguration(
          props.bridge,
          {
            bucket: this.bucket.bucketName,
            topicArn: this.topic.topicArn,
            table: this.table.tableName,
            certificate: certificate.configuration,
            stage: this.stage,
            loadBalancerCidrs: [this.vpc.vpcCidrBlock],
          },
          plan.clientAddress,
        ),
      ),
    });
    if (certificate.dependency !== undefined) {
      service.service.node.addDependency(certificate.dependency);
    }
    this.service = service.service;
    this.cluster = service.cluster;
    this.logGroup = service.logGroup;
    this.connections = new ec2.Connections({
      securityGroups: [edge.securityGroup],
      defaultPort: ec2.Port.tcp(this.ports[0]?.publicPort ?? 25),
    });
    // The rights first, then the tasks that need them.
    this.service.node.addDependency(this.taskRole);

    const alarms = new Alarms(this, 'Alarms', {
      stage: this.stage,
      service: this.service,
      loadBalancer: this.loadBalancer,
      targetGroups: edge.targetGroups.map(({ targetGroup }) => targetGroup),
      topic: this.topic,
      minimumTasks: plan.minimumTasks,
      pageTopic: props.alarmTopic,
      warningTopic: props.warningTopic,
      runbookUrl: props.runbookUrl ?? 'infra/RUNBOOK.md',
    });
    this.alarms = alarms.all;
    // A release that cannot store mail goes back by itself.
    this.service.enableDeploymentAlarms([alarms.commitFailures.alarmName], {
      behavior: ecs.AlarmBehavior.ROLLBACK_ON_ALARM,
    });
    if (props.exampleSubscriber === true) {
      const example = new ExampleSubscriber(this, 'ExampleSubscriber', { bridge: this });
      alarms.addQueues(example.queue, example.deadLetterQueue);
    }
    this.dashboard = new Dashboard(this, 'Dashboard', {
      stage: this.stage,
      service: this.service,
      loadBalancer: this.loadBalancer,
      targetGroups: edge.targetGroups.map(({ targetGroup }) => targetGroup),
      topic: this.topic,
      alarms: this.alarms,
    }).dashboard;
    new LogQueries(this, 'LogQueries', { stage: this.stage, logGroup: this.logGroup });

    this.dnsRecords = renderRecords(
      plan.dns,
      this.addresses,
      this.loadBalancer.loadBalancerDnsName,
    );
    if (props.hostedZone !== undefined) {
      new Dns(this, 'Dns', {
        ...plan.dns,
        hostedZone: props.hostedZone,
        loadBalancer: this.loadBalancer,
        dualStack: plan.dualStack,
      });
    }
  }

  /** Lets somebody read the stored mail, and decrypt it. */
  grantReadMail(grantee: iam.IGrantable): iam.Grant {
    const { bucketArn } = this.bucket;
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
   * Announces every mail to a function or a queue. A function may then read the mail; whoever reads the queue
   * is given that by `grantReadMail`. What cannot be delivered goes to the dead-letter queue.
   */
  addSubscriber(
    subscriber: lambda.IFunction | sqs.IQueue,
    options: SubscriberOptions = {},
  ): sqs.IQueue {
    const deadLetterQueue =
      options.deadLetterQueue ??
      new sqs.Queue(this, `DeadLetters${Names.nodeUniqueId(subscriber.node).slice(-8)}`, {
        enforceSSL: true,
        encryption: sqs.QueueEncryption.SQS_MANAGED,
      });
    const common = {
      deadLetterQueue,
      ...(options.filterPolicy && { filterPolicy: { ...options.filterPolicy } }),
    };
    if ('functionArn' in subscriber) {
      this.grantReadMail(subscriber);
      this.topic.addSubscription(new subscriptions.LambdaSubscription(subscriber, common));
    } else {
      this.topic.addSubscription(new subscriptions.SqsSubscription(subscriber, common));
    }
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

  #ownData(props: MailBridgeProps, { zones, internetFacing }: BridgePlan): MailData | undefined {
    const needsAddresses = internetFacing && props.allocationIds === undefined;
    const hasAll = props.bucket && props.topic && props.table;
    if (hasAll && !needsAddresses) return undefined;
    if (hasAll) return undefined;
    return new MailData(this, 'Data', {
      addresses: needsAddresses ? zones : 0,
      ...(props.encryptionKey && { encryptionKey: props.encryptionKey }),
    });
  }
}

interface BridgePlan {
  readonly stage: string;
  readonly configuration: Configuration;
  readonly mailPrefixes: readonly string[];
  readonly ports: readonly PublishedPort[];
  readonly clientAddress: ClientAddress;
  readonly dualStack: boolean;
  readonly egress: Egress;
  readonly zones: number;
  readonly internetFacing: boolean;
  readonly peers: readonly ec2.IPeer[];
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly architecture: ecs.CpuArchitecture;
  readonly minimumTasks: number;
  readonly maximumTasks: number;
  readonly logRetention: logs.RetentionDays;
  readonly dns: DnsPlan;
}

/** Fills in the defaults. @throws with everything that is wrong with the props at once. */
function planBridge(scope: Construct, props: MailBridgeProps): BridgePlan {
  const clientAddress = props.clientAddress ?? ClientAddress.preserved();
  const stage = props.stage ?? Names.uniqueResourceName(scope, { maxLength: 64, separator: '-' });
  const checked = checkBridgeConfiguration(props.bridge, { stage, clientAddress });
  const configuration = checked.ok ? checked.configuration : undefined;
  const zones = props.zones ?? 2;
  const dualStack = props.dualStack ?? false;
  const certificate = props.certificate ?? TlsCertificate.selfSigned();
  const plan = {
    stage,
    clientAddress,
    zones,
    dualStack,
    egress: props.egress ?? Egress.nat(),
    internetFacing: props.internetFacing ?? true,
    peers: props.allowedPeers ?? [ec2.Peer.anyIpv4(), ...(dualStack ? [ec2.Peer.anyIpv6()] : [])],
    cpu: props.cpu ?? 512,
    memoryMiB: props.memoryMiB ?? 1024,
    architecture: props.architecture ?? ecs.CpuArchitecture.ARM64,
    minimumTasks: props.minimumTasks ?? zones,
    maximumTasks: props.maximumTasks ?? 10,
    logRetention: props.logRetention ?? logs.RetentionDays.THREE_MONTHS,
    dns: {
      hostname: configuration?.hostname ?? '',
      mailDomains: props.mailDomains ?? [],
      mtaSts: props.mtaSts ?? 'none',
      tlsReportAddress: props.tlsReportAddress,
      receiveOnly: props.receiveOnly ?? false,
    },
  } satisfies Partial<BridgePlan>;
  const ports = configuration === undefined ? [] : publishedPorts(configuration, props.ports ?? {});
  const problems = [
    ...(checked.ok ? [] : checked.problems),
    ...(configuration === undefined ? [] : configurationProblems(configuration, plan, ports)),
    ...networkProblems(plan, props, Stack.of(scope).availabilityZones.length),
    ...checkDnsPlan(plan.dns, props.hostedZone !== undefined, certificate.isTrusted),
  ];
  if (configuration === undefined || problems.length > 0) {
    throw new Error(
      `${scope.node.path}: ${problems.length} mistakes in the props\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    );
  }
  if (clientAddress.kind === 'proxy-protocol') {
    Annotations.of(scope).addWarningV2(
      'mailsluice:proxy-header-placement',
      'An NLB sends its PROXY v2 header only with the first octets of the client, but in SMTP the server speaks first: every session would time out. Ask AWS Support to set proxy_protocol_v2.client_to_server.header_placement to on_first_ack for the target groups before you point mail here (infra/README.md, "IPv6").',
    );
  }
  return {
    ...plan,
    configuration,
    ports: ports.map(({ publicPort, ...port }) => ({ ...port, publicPort: publicPort ?? 0 })),
    mailPrefixes: mailPrefixes(configuration, props.additionalPrefixes ?? []),
  };
}

type PlannedPort = Omit<PublishedPort, 'publicPort'> & { readonly publicPort: number | undefined };

function publishedPorts(
  { listeners }: Configuration,
  ports: Readonly<Record<string, number>>,
): PlannedPort[] {
  return listeners.map(({ name, port }) => ({
    listener: name,
    containerPort: port,
    publicPort: ports[name] ?? WELL_KNOWN_PORTS[port],
  }));
}

function configurationProblems(
  configuration: Configuration,
  { memoryMiB }: Pick<BridgePlan, 'memoryMiB'>,
  ports: readonly PlannedPort[],
): string[] {
  const { listeners, limits, shutdown } = configuration;
  const problems = ports
    .filter(({ publicPort }) => publicPort === undefined)
    .map(
      ({ listener }) => `ports: expected the public port of listener "${listener}", got nothing`,
    );
  const { length } = JSON.stringify(configuration);
  if (length > CONFIGURATION_CHARACTERS) {
    problems.push(
      `bridge: expected at most ${CONFIGURATION_CHARACTERS} characters as JSON, since ECS takes 64 KiB for a whole task definition, got ${length}`,
    );
  }
  if (listeners.length > MAX_PORTS) {
    problems.push(
      `bridge.listeners: expected at most ${MAX_PORTS}, ECS's own limit, got ${listeners.length}`,
    );
  }
  for (const { name, port } of listeners) {
    if (port < 1024) {
      problems.push(
        `bridge.listeners: expected a port from 1024 on, which the container's user can listen on, got ${port} for "${name}"`,
      );
    }
  }
  if (shutdown.deadline >= STOP_TIMEOUT_SECONDS) {
    problems.push(
      `bridge.shutdown.deadline: expected less than ${STOP_TIMEOUT_SECONDS} s, after which Fargate kills, got ${shutdown.deadline} s`,
    );
  }
  const needed = BASE_OCTETS + limits.memory * 1.5 + limits.maxConnections * CONNECTION_OCTETS;
  if (needed > memoryMiB * 1024 * 1024) {
    problems.push(
      `memoryMiB: expected at least ${Math.ceil(needed / 1024 / 1024)} for limits.memory and limits.maxConnections, got ${memoryMiB}`,
    );
  }
  return problems;
}

function networkProblems(
  plan: Pick<
    BridgePlan,
    'dualStack' | 'clientAddress' | 'minimumTasks' | 'maximumTasks' | 'zones' | 'internetFacing'
  >,
  { allocationIds, vpc, bucket, topic, table }: MailBridgeProps,
  knownZones: number,
): string[] {
  const problems: string[] = [];
  if (vpc === undefined && plan.zones > knownZones) {
    problems.push(
      `zones: expected at most ${knownZones}, since a stack without account and region knows no more, got ${plan.zones}; give the stack an env, or override its availabilityZones`,
    );
  }
  if (plan.dualStack && plan.clientAddress.kind === 'preserved') {
    problems.push(
      'dualStack: expected clientAddress ClientAddress.proxyProtocol(), since an NLB cannot keep an IPv6 address on a connection to an IPv4 task',
    );
  }
  if (plan.minimumTasks < 1 || plan.maximumTasks < plan.minimumTasks) {
    problems.push(
      `minimumTasks and maximumTasks: expected 1 <= minimum <= maximum, got ${plan.minimumTasks} and ${plan.maximumTasks}`,
    );
  }
  if (vpc === undefined && (plan.zones < 2 || plan.zones > 6)) {
    problems.push(`zones: expected 2 to 6, got ${plan.zones}`);
  }
  if (allocationIds !== undefined && !plan.internetFacing) {
    problems.push('allocationIds: expected none for an internal load balancer');
  }
  if (allocationIds !== undefined && vpc === undefined && allocationIds.length !== plan.zones) {
    problems.push(
      `allocationIds: expected one for each of ${plan.zones} zones, got ${allocationIds.length}`,
    );
  }
  const given = [bucket, topic, table].filter((each) => each !== undefined).length;
  if (given === 3 && allocationIds === undefined && plan.internetFacing) {
    problems.push(
      'allocationIds: expected Elastic IP addresses beside bucket, topic and table, or internetFacing false, got nothing',
    );
  }
  return problems;
}

/** What this configuration makes the program write into the table. */
function tableWrites({ credentials, duplicates }: Configuration): TableWrite[] {
  return [
    ...(credentials?.recordLastUse === true ? (['last-use'] as const) : []),
    ...(credentials?.throttle.shared === true ? (['counts'] as const) : []),
    ...(duplicates === undefined ? [] : (['duplicates'] as const)),
  ];
}

function distinctKeys(keys: readonly (kms.IKey | undefined)[]): kms.IKey[] {
  const byArn = new Map(keys.flatMap((key) => (key === undefined ? [] : [[key.keyArn, key]])));
  return [...byArn.values()];
}

function requireOwn<T>(value: T | undefined): T {
  if (value === undefined)
    throw new Error('expected the construct to have made what was not given');
  return value;
}
