// The embedded AWS in a process of its own, with SDK clients here: what a test loads does not share a core with it.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { EmbeddedAws } from '../../src/app/local/embedded-aws.ts';
import type { TestAws } from './aws.ts';

type Told = Omit<EmbeddedAws, 'close' | typeof Symbol.asyncDispose>;

const SERVER = fileURLToPath(new URL('aws-server.ts', import.meta.url));

export interface AwsProcess extends TestAws {
  readonly pid: number;
}

/** Settles when bucket, topic, queue and table are there. */
export async function startAwsProcess(): Promise<AwsProcess> {
  const child = fork(SERVER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  const [told] = (await Promise.race([
    once(child, 'message'),
    ended.then(([code]) => {
      throw new Error(`the embedded AWS ended with ${code} before it was ready`);
    }),
  ])) as [Told];
  const { region, endpoint, dynamoDbEndpoint, credentials } = told;
  const settings = { region, endpoint, credentials };
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const sns = new SNSClient(settings);
  const sqs = new SQSClient(settings);
  const dynamoDb = new DynamoDBClient({ ...settings, endpoint: dynamoDbEndpoint });
  const close = async (): Promise<void> => {
    for (const client of [s3, sns, sqs, dynamoDb]) client.destroy();
    child.kill('SIGKILL');
    await ended;
  };
  const clients = { s3, sns, sqs, dynamoDb };
  return { ...told, ...clients, pid: child.pid ?? 0, close, [Symbol.asyncDispose]: close };
}
