// S3, SNS, SQS and DynamoDB inside this process, in memory, on one loopback address: what
// `mailsluice local` and the tests run against. Nothing else in src may import this folder: its packages
// are not in the container.
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import dynalite from 'dynalite';
import { buildApp } from 'fauxqs';
import { join } from 'node:path';
import { acceptWhatS3Accepts } from './accept-bodies.ts';
import { acceptWhatSqsAccepts } from './accept-characters.ts';
import { refuseWhatS3Refuses } from './conditional-writes.ts';
import { LOCAL_DEFAULTS } from './defaults.ts';
import { openPersistentStores } from './persistence.ts';
import { type ObservePublishes, publishRequests } from './publish-requests.ts';
import { makeQueue, subscribeQueue } from './queues.ts';

/** What the SDK needs to reach the embedded services; the same names as the SDK's environment variables. */
export interface EmbeddedAwsAccess {
  readonly region: string;
  /** S3, SNS and SQS. */
  readonly endpoint: string;
  readonly dynamoDbEndpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export interface EmbeddedAws extends EmbeddedAwsAccess, AsyncDisposable {
  /** The names that were created. */
  readonly resources: EmbeddedResources;
  /** The SDK's standard environment that makes any process use the embedded services. */
  readonly environment: Readonly<Record<string, string>>;
  /** Tells of each request to SNS that was carried out, from now on. */
  observePublishes(observe: ObservePublishes | undefined): void;
  close(): Promise<void>;
}

export interface EmbeddedResources {
  readonly bucket: string;
  readonly topicArn: string;
  readonly queueUrl: string;
  readonly table: string;
}

export interface EmbeddedAwsOptions {
  /** Default `127.0.0.1`; never anything but loopback, since nothing checks signatures here. */
  readonly host?: string;
  /** S3, SNS and SQS. Default 0: any free port. */
  readonly port?: number;
  /** Default 0: any free port. */
  readonly dynamoDbPort?: number;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** Keeps everything in this folder, for the next start. Default: in memory. */
  readonly persistFolder?: string;
  /** Default `mailsluice-mail`. */
  readonly bucketName?: string;
  /** Name of the topic, and of the queue that is subscribed to it. Default `mailsluice-mail`. */
  readonly topicName?: string;
  /** A second topic, to which the queue is subscribed too. Default: none. */
  readonly quarantineTopicName?: string;
  /** Default `mailsluice-credentials`. */
  readonly tableName?: string;
}

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' } as const;

/** Starts the services and makes bucket, topic, queue (subscribed to the topic) and credential table. */
export async function startEmbeddedAws(options: EmbeddedAwsOptions = {}): Promise<EmbeddedAws> {
  const host = options.host ?? '127.0.0.1';
  const region = options.region ?? 'us-east-1';

  const { persistFolder } = options;
  const persistent =
    persistFolder === undefined
      ? undefined
      : await openPersistentStores(join(persistFolder, 'aws'));
  const app = buildApp({
    logger: false,
    defaultRegion: region,
    ...(persistent && { stores: persistent.stores }),
  });
  // Behind the last request.
  if (persistent !== undefined) app.addHook('onClose', async () => persistent.close());
  // First: what the other compares is what S3 would have received.
  acceptWhatS3Accepts(app);
  refuseWhatS3Refuses(app);
  await acceptWhatSqsAccepts();
  const observePublishes = publishRequests(app);
  await app.listen({ host, port: options.port ?? 0 });
  const dynamoDb = dynalite({
    ...{ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 },
    ...(persistFolder !== undefined && { path: join(persistFolder, 'dynamodb') }),
  });
  try {
    dynamoDb.listen(options.dynamoDbPort ?? 0, host);
    await once(dynamoDb, 'listening');
  } catch (error) {
    await app.close();
    throw error;
  }

  const access: EmbeddedAwsAccess = {
    region,
    endpoint: `http://${host}:${portOf(app.server)}`,
    dynamoDbEndpoint: `http://${host}:${portOf(dynamoDb)}`,
    credentials: CREDENTIALS,
  };
  const resources = await createResources(access, options);
  const close = async (): Promise<void> => {
    dynamoDb.closeAllConnections();
    await Promise.all([
      app.close(),
      new Promise<void>((resolve) => {
        dynamoDb.close(() => resolve());
      }),
    ]);
  };
  return {
    ...access,
    resources,
    environment: {
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_ENDPOINT_URL: access.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: access.dynamoDbEndpoint,
    },
    observePublishes,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Makes a bucket, a topic, a queue that is subscribed to it, and a credential table. */
export async function createResources(
  { region, endpoint, dynamoDbEndpoint, credentials }: EmbeddedAwsAccess,
  {
    bucketName = LOCAL_DEFAULTS.store.bucket,
    topicName = LOCAL_DEFAULTS.store.bucket,
    tableName = LOCAL_DEFAULTS.credentials.table,
    quarantineTopicName,
  }: Pick<EmbeddedAwsOptions, 'bucketName' | 'topicName' | 'tableName' | 'quarantineTopicName'>,
): Promise<EmbeddedResources> {
  const settings = { region, endpoint, credentials };
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const sns = new SNSClient(settings);
  const sqs = new SQSClient(settings);
  const dynamoDb = new DynamoDBClient({ ...settings, endpoint: dynamoDbEndpoint });
  try {
    await unlessThere(s3.send(new CreateBucketCommand({ Bucket: bucketName })));
    const queue = await makeQueue(sqs, endpoint, topicName);
    const subscribedTopic = async (Name: string): Promise<string> => {
      const made = required((await sns.send(new CreateTopicCommand({ Name }))).TopicArn);
      await subscribeQueue(sns, made, queue);
      return made;
    };
    const topicArn = await subscribedTopic(topicName);
    if (quarantineTopicName !== undefined) await subscribedTopic(quarantineTopicName);
    const table = dynamoDb.send(
      new CreateTableCommand({
        TableName: tableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      }),
    );
    await unlessThere(table);
    return { bucket: bucketName, topicArn, queueUrl: queue.url, table: tableName };
  } finally {
    for (const client of [s3, sns, sqs, dynamoDb]) client.destroy();
  }
}

/** What an earlier run has left is as good as made. */
async function unlessThere(made: Promise<unknown>): Promise<void> {
  const isThere = ['BucketAlreadyOwnedByYou', 'BucketAlreadyExists', 'ResourceInUseException'];
  await made.catch((error: Error) => {
    if (!isThere.includes(error.name)) throw error;
  });
}

function portOf(server: Pick<Server, 'address'>): number {
  return (server.address() as AddressInfo).port;
}

function required(value: string | undefined): string {
  if (value === undefined)
    throw new Error('the embedded AWS answered without the name of what it made');
  return value;
}
