// The embedded AWS with SDK clients: one for all files of a worker, or one of a test's own.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DeleteObjectsCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import {
  createResources,
  type EmbeddedAws,
  type EmbeddedAwsAccess,
  type EmbeddedAwsOptions,
  startEmbeddedAws,
} from '../../src/app/local/embedded-aws.ts';

export interface TestAws extends EmbeddedAws {
  readonly s3: S3Client;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly dynamoDb: DynamoDBClient;
}

/** What it begins with: not the program's own names, so that a test that gives it none is seen to fail. */
const FIRST = { bucketName: 'unused', topicName: 'unused', tableName: 'unused' };

let shared: Promise<EmbeddedAws> | undefined;
let users = 0;

/** A new bucket, topic, queue and table on the worker's embedded AWS, which ends with the worker. */
export async function startTestAws(): Promise<TestAws> {
  users += 1;
  const name = `mail-${users}`;
  shared ??= startEmbeddedAws(FIRST);
  const aws = await shared;
  const resources = await createResources(aws, {
    bucketName: name,
    topicName: name,
    tableName: `credentials-${users}`,
  });
  return withClients({ ...aws, resources, close: () => empty(aws, resources.bucket) });
}

/** The embedded S3 has its objects in memory. */
async function empty(access: EmbeddedAwsAccess, Bucket: string): Promise<void> {
  const { region, endpoint, credentials } = access;
  const s3 = new S3Client({ region, endpoint, credentials, forcePathStyle: true });
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket })) {
    const Objects = Contents.map(({ Key }) => ({ Key }));
    if (Objects.length > 0) {
      await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    }
  }
  s3.destroy();
}

/** An embedded AWS for one test: with the names that the program takes by default, or in another region. */
export async function startOwnTestAws(options: EmbeddedAwsOptions = {}): Promise<TestAws> {
  return withClients(await startEmbeddedAws(options));
}

function withClients(aws: EmbeddedAws): TestAws {
  const { region, endpoint, credentials } = aws;
  const settings = { region, endpoint, credentials };
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const sns = new SNSClient(settings);
  const sqs = new SQSClient(settings);
  const dynamoDb = new DynamoDBClient({ ...settings, endpoint: aws.dynamoDbEndpoint });
  const close = async (): Promise<void> => {
    for (const client of [s3, sns, sqs, dynamoDb]) client.destroy();
    await aws.close();
  };
  return { ...aws, s3, sns, sqs, dynamoDb, close, [Symbol.asyncDispose]: close };
}
