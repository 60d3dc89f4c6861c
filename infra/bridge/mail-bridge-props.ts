// The props of the construct, each with its default.
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
import type { TlsCertificate } from '../certificate/tls-certificate.ts';
import type { Scanners } from '../scan/scanners.ts';
import type { ClientAddress, Egress, Monitoring, MtaStsMode } from './choices.ts';
import type { ProgramConfiguration } from './configuration.ts';

export interface MailBridgeProps {
  /** The program's configuration: what `mailsluice serve` reads, without the fields that name AWS resources. */
  readonly configuration: ProgramConfiguration;

  /**
   * The bucket in which mail is stored.
   * @default - a new bucket: TLS only, encrypted, versioned, no public access, retained
   */
  readonly bucket?: s3.IBucket;
  /**
   * The topic to which mail is announced.
   * @default - a new topic, TLS only, retained
   */
  readonly topic?: sns.ITopic;
  /**
   * The topic that announces mail marked for quarantine, in place of `topic`. Without it, such mail is only marked.
   * @default - none
   */
  readonly quarantineTopic?: sns.ITopic;
  /**
   * The table of credentials. Partition key `pk` (string), TTL attribute `ttl`.
   * @default - a new table: on demand, point-in-time recovery, deletion protection, retained
   */
  readonly table?: dynamodb.ITable;
  /**
   * The KMS key of a given bucket or topic whose construct does not know its key, as that of an imported one.
   * @default - the keys that bucket and topic know
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * Allocation ids of Elastic IP addresses, one for each zone.
   * @default - new addresses, retained; none where the load balancer is internal
   */
  readonly allocationIds?: readonly string[];
  /**
   * The IP addresses of `allocationIds`, for the DNS records in the outputs.
   * @default - the new addresses, if there are any
   */
  readonly addresses?: readonly string[];

  /**
   * The VPC. Nothing is added to a given one, which should have gateway endpoints for S3 and DynamoDB.
   * @default - a new VPC
   */
  readonly vpc?: ec2.IVpc;
  /**
   * Subnets of the tasks.
   * @default - those that `egress` needs
   */
  readonly taskSubnets?: ec2.SubnetSelection;
  /**
   * Subnets of the load balancer, one for each zone.
   * @default - public subnets; the subnets of the tasks if the load balancer is internal
   */
  readonly loadBalancerSubnets?: ec2.SubnetSelection;
  /**
   * How the tasks reach AWS services.
   * @default Egress.nat(1)
   */
  readonly egress?: Egress;
  /**
   * Availability zones of a new VPC, 1 to 6. The service has an address in each; with one, it stops with that zone.
   * @default 2
   */
  readonly zones?: number;
  /**
   * The addresses of a new VPC, a private network of /16 to /20. Only at the first deployment.
   * @default '10.0.0.0/16'
   */
  readonly cidr?: string;
  /**
   * Whether the load balancer can be reached from the internet.
   * @default true
   */
  readonly internetFacing?: boolean;
  /**
   * The networks and security groups that may connect.
   * @default - all
   */
  readonly allowedPeers?: readonly ec2.IPeer[];
  /**
   * The public port of each listener, by its name.
   * @default - 25, 587 and 465 for listeners on 2525, 2587 and 2465
   */
  readonly ports?: Readonly<Record<string, number>>;
  /**
   * How the program learns the address of its client. Read the warning of `ClientAddress.proxyProtocol` first.
   * @default ClientAddress.preserved()
   */
  readonly clientAddress?: ClientAddress;
  /**
   * IPv6 in addition to IPv4. Requires `ClientAddress.proxyProtocol()`; read its warning first.
   * @default false
   */
  readonly dualStack?: boolean;

  /**
   * The TLS certificate and its key.
   * @default TlsCertificate.selfSigned()
   */
  readonly certificate?: TlsCertificate;
  /**
   * The container image.
   * @default - the image of this package, built at deployment
   */
  readonly image?: ecs.ContainerImage;
  /**
   * The ECS cluster.
   * @default - a new cluster, with Container Insights unless `monitoring` is `basic`
   */
  readonly cluster?: ecs.ICluster;
  /**
   * CPU units of a task; 1024 are one processor. Those of `scanners` are added.
   * @default 512
   */
  readonly cpu?: number;
  /**
   * Memory of a task in MiB. That of `scanners` is added.
   * @default 1024
   */
  readonly memoryMiB?: number;
  /**
   * Processor architecture of the tasks.
   * @default ecs.CpuArchitecture.ARM64
   */
  readonly architecture?: ecs.CpuArchitecture;
  /**
   * Minimum number of tasks.
   * @default - one for each zone
   */
  readonly minimumTasks?: number;
  /**
   * Maximum number of tasks.
   * @default 10
   */
  readonly maximumTasks?: number;
  /**
   * rspamd and clamd as containers of each task, at whose addresses the program finds them. What they are asked to do, and
   * what happens when they fail, is in the section `scan` of `configuration`.
   * @default - none
   */
  readonly scanners?: Scanners;
  /**
   * GuardDuty Malware Protection for S3 of the mail: AWS scans each object after it was announced, and tags it with
   * `GuardDutyMalwareScanStatus`. No verdict waits for it.
   * @default false
   */
  readonly malwareProtection?: boolean;
  /**
   * Key prefixes in addition to those in `configuration`, as for credentials that have their own.
   * @default - none
   */
  readonly additionalPrefixes?: readonly string[];

  /**
   * The hosted zone in which DNS records are created.
   * @default - no records are created; an output lists them
   */
  readonly hostedZone?: route53.IHostedZone;
  /**
   * Domains that receive mail here, for their MX records.
   * @default - none
   */
  readonly mailDomains?: readonly string[];
  /**
   * Creates the MX records in `hostedZone`, when the service is stable. Without them mail still goes where it went
   * before: set it once the service has been tried, and the old records are gone.
   * @default true
   */
  readonly mxRecords?: boolean;
  /**
   * MTA-STS for these domains.
   * @default 'none'
   */
  readonly mtaSts?: MtaStsMode;
  /**
   * The address to which other mail servers send TLS reports (RFC 8460).
   * @default - no reports are requested
   */
  readonly tlsReportAddress?: string;
  /**
   * Publishes in SPF and DMARC that `mailDomains` send no mail.
   * @default false
   */
  readonly receiveOnly?: boolean;

  /**
   * Distinguishes the metrics of this installation from those of another in the same account and region.
   * @default - a unique name
   */
  readonly stage?: string;
  /**
   * How much CloudWatch shows. With `basic`, only the metrics in the alarms and the number of messages are emitted.
   * @default 'full'
   */
  readonly monitoring?: Monitoring;
  /**
   * Retention of the log.
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;
  /**
   * Is notified of urgent alarms.
   * @default - nobody is notified
   */
  readonly alarmTopic?: sns.ITopic;
  /**
   * Is notified of alarms that can wait until the morning.
   * @default - `alarmTopic`
   */
  readonly warningTopic?: sns.ITopic;
  /**
   * The https address at which you publish RUNBOOK.md. Each alarm links to its article there.
   * @default - the articles are on the dashboard, to which each alarm links
   */
  readonly runbookUrl?: string;
  /**
   * Adds an example subscriber: a queue with a dead-letter queue, and a function that logs the subject of each mail.
   * @default false
   */
  readonly exampleSubscriber?: boolean;
}
