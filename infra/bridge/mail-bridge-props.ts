// What one may say to the construct, each with its default.
import type {
  aws_dynamodb as dynamodb,
  aws_ec2 as ec2,
  aws_ecs as ecs,
  aws_kms as kms,
  aws_logs as logs,
  aws_route53 as route53,
  aws_s3 as s3,
  aws_sns as sns,
} from 'aws-cdk-lib';
import type { BridgeConfiguration } from './configuration.ts';
import type { ClientAddress, Egress, MtaStsMode } from './choices.ts';
import type { TlsCertificate } from '../certificate/tls-certificate.ts';

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
