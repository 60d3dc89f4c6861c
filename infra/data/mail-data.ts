// What must outlive every deployment: bucket, topic, table, KMS key and addresses.
import {
  aws_dynamodb as dynamodb,
  aws_ec2 as ec2,
  aws_iam as iam,
  aws_kms as kms,
  aws_s3 as s3,
  aws_sns as sns,
  Aws,
  Duration,
  RemovalPolicy,
  Tags,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';

export interface MailDataProps {
  /**
   * A bucket to use instead of a new one.
   * @default - a new one
   */
  readonly bucket?: s3.IBucket;
  /**
   * A topic to use instead of a new one.
   * @default - a new one
   */
  readonly topic?: sns.ITopic;
  /**
   * A table to use instead of a new one. Partition key `pk` (string), TTL attribute `ttl`.
   * @default - a new one
   */
  readonly table?: dynamodb.ITable;
  /**
   * Encrypts bucket and topic with a customer managed key.
   * @default false: S3's own keys for the bucket, none for the topic
   */
  readonly customerManagedKey?: boolean;
  /**
   * A key to use instead of a new one; implies `customerManagedKey`.
   * @default - a new key if `customerManagedKey` is true
   */
  readonly encryptionKey?: kms.IKey;
  /**
   * The time after which mail is deleted.
   * @default - never
   */
  readonly expireAfter?: Duration;
  /**
   * The time for which mail cannot be deleted or changed (S3 Object Lock). Only when the bucket is created; in
   * compliance mode not even the root user of the account can undo it.
   * @default - no lock
   */
  readonly objectLock?: s3.ObjectLockRetention;
  /**
   * Number of Elastic IP addresses, one for each zone of the load balancer.
   * @default 2
   */
  readonly addresses?: number;
  /**
   * Whether these resources are retained when the stack is deleted.
   * @default RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, so that a first deployment that fails leaves nothing behind
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Whether DynamoDB refuses to delete the table. A stack whose first deployment fails cannot delete such a table again,
   * so leave it out where the table is in one stack with the service.
   * @default true
   */
  readonly protectTable?: boolean;
}

/** The key and TTL attribute of the table, as the program writes them. */
const TABLE_KEY = 'pk';
const TABLE_TTL = 'ttl';

const ACCESS_LOG_DAYS = 90;
const ACCESS_LOG_PREFIX = 'mail/';

export class MailData extends Construct {
  readonly bucket: s3.IBucket;
  readonly topic: sns.ITopic;
  readonly table: dynamodb.ITable;
  readonly encryptionKey: kms.IKey | undefined;
  /** Allocation ids, one for each zone. */
  readonly allocationIds: readonly string[];
  /** The IP addresses, in the same order. */
  readonly addresses: readonly string[];

  constructor(scope: Construct, id: string, props: MailDataProps = {}) {
    super(scope, id);
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;
    this.encryptionKey =
      props.encryptionKey ??
      (props.customerManagedKey === true ? this.#makeKey(removalPolicy) : undefined);
    this.bucket = props.bucket ?? (this.#makeBucket(props, removalPolicy) as s3.IBucket);
    this.topic = props.topic ?? this.#makeTopic(removalPolicy);
    const addresses = Array.from({ length: props.addresses ?? 2 }, (_, at) =>
      this.#makeAddress(at + 1, removalPolicy),
    );
    this.table = props.table ?? (this.#makeTable(props, removalPolicy) as dynamodb.ITable);
    // The last: a deployment that fails before cannot delete a protected table again.
    if (props.table === undefined) {
      const others = [props.bucket ?? this.bucket, this.topic, ...addresses].filter(
        (each) => each !== props.bucket && each !== props.topic,
      );
      this.table.node.addDependency(...others);
    }
    this.allocationIds = addresses.map(({ attrAllocationId }) => attrAllocationId);
    this.addresses = addresses.map(({ attrPublicIp }) => attrPublicIp);
  }

  #makeKey(removalPolicy: RemovalPolicy): kms.Key {
    return new kms.Key(this, 'Key', {
      description: 'Encrypts the incoming mail and its notifications',
      enableKeyRotation: true,
      removalPolicy,
    });
  }

  #makeBucket({ expireAfter, objectLock }: MailDataProps, removalPolicy: RemovalPolicy): s3.Bucket {
    const common = {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      removalPolicy,
    };
    const accessLogs = new s3.Bucket(this, 'AccessLogs', {
      ...common,
      encryption: s3.BucketEncryption.S3_MANAGED,
      lifecycleRules: [{ expiration: Duration.days(ACCESS_LOG_DAYS) }],
    });
    const bucket = new s3.Bucket(this, 'Mail', {
      ...common,
      ...(this.encryptionKey
        ? // Without a bucket key every mail would be a KMS request.
          {
            encryption: s3.BucketEncryption.KMS,
            encryptionKey: this.encryptionKey,
            bucketKeyEnabled: true,
          }
        : { encryption: s3.BucketEncryption.S3_MANAGED }),
      versioned: true,
      ...(objectLock && { objectLockDefaultRetention: objectLock }),
      lifecycleRules: [
        {
          id: 'abort-unfinished-uploads',
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
        {
          id: 'forget-deleted',
          noncurrentVersionExpiration: Duration.days(30),
          // A drained outbox leaves only delete markers.
          expiredObjectDeleteMarker: true,
        },
        ...(expireAfter ? [{ id: 'expire', expiration: expireAfter }] : []),
      ],
    });
    logAccess(bucket, accessLogs);
    return bucket;
  }

  #makeTopic(removalPolicy: RemovalPolicy): sns.Topic {
    const topic = new sns.Topic(this, 'Topic', {
      displayName: 'Incoming mail',
      enforceSSL: true,
      ...(this.encryptionKey && { masterKey: this.encryptionKey }),
    });
    topic.applyRemovalPolicy(removalPolicy);
    return topic;
  }

  #makeTable({ protectTable = true }: MailDataProps, removalPolicy: RemovalPolicy): dynamodb.Table {
    return new dynamodb.Table(this, 'Credentials', {
      partitionKey: { name: TABLE_KEY, type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: TABLE_TTL,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: protectTable && removalPolicy !== RemovalPolicy.DESTROY,
      removalPolicy,
    });
  }

  #makeAddress(number: number, removalPolicy: RemovalPolicy): ec2.CfnEIP {
    const address = new ec2.CfnEIP(this, `Address${number}`, { domain: 'vpc' });
    address.applyRemovalPolicy(removalPolicy);
    Tags.of(address).add('Name', `${this.node.path}/Address${number}`);
    return address;
  }
}

/**
 * Grants the right by a bucket policy, independent of the feature flags of the app. The property of the CDK would set an
 * ACL where `serverAccessLogsUseBucketPolicy` is off, which BUCKET_OWNER_ENFORCED refuses.
 */
function logAccess(bucket: s3.Bucket, accessLogs: s3.Bucket): void {
  const { defaultChild } = bucket.node;
  if (!(defaultChild instanceof s3.CfnBucket))
    throw new Error('expected a bucket of CloudFormation');
  defaultChild.loggingConfiguration = {
    destinationBucketName: accessLogs.bucketName,
    logFilePrefix: ACCESS_LOG_PREFIX,
  };
  accessLogs.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [new iam.ServicePrincipal('logging.s3.amazonaws.com')],
      actions: ['s3:PutObject'],
      resources: [accessLogs.arnForObjects(`${ACCESS_LOG_PREFIX}*`)],
      conditions: {
        ArnLike: { 'aws:SourceArn': bucket.bucketArn },
        StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
      },
    }),
  );
}
