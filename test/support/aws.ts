// The embedded AWS on free ports, with SDK clients, for one test file.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import {
  type EmbeddedAws,
  type EmbeddedAwsOptions,
  startEmbeddedAws,
} from '../../src/app/local/embedded-aws.ts';

export interface TestAws extends EmbeddedAws {
  readonly s3: S3Client;
  readonly sns: SNSClient;
  readonly sqs: SQSClient;
  readonly dynamoDb: DynamoDBClient;
}

export async function startTestAws(options: EmbeddedAwsOptions = {}): Promise<TestAws> {
  const aws = await startEmbeddedAws(options);
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
