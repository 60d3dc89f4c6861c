import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { type BridgeClients, createBridgeClients, ownS3Endpoint } from '../../bridge/index.ts';
import { createCredentialClient } from '../../credentials/index.ts';
import type { Streams } from './streams.ts';

/** What every command needs of the process around it. */
export interface CliContext extends Streams {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clients: CliClients;
  /** Fires at Ctrl-C or SIGTERM: the command finishes what is under way and says how far it came. */
  interrupted(): AbortSignal;
}

/**
 * Makes the SDK's clients, which the command destroys. Region, endpoint and credentials are the SDK's standard
 * environment; `endpoint` takes the place of the configured one.
 */
export interface CliClients {
  s3(endpoint?: string): S3Client;
  dynamoDb(endpoint?: string): DynamoDBClient;
  sns(endpoint?: string): SNSClient;
  sqs(): SQSClient;
  /** For queues of this region and account, whose URLs may name a host that no resolver knows. */
  ownSqs(): SQSClient;
  lambda(): LambdaClient;
  /** S3 and SNS with the timeouts of the service. */
  bridge(endpoint?: string): BridgeClients;
}

/** The process that a person or a script started. */
export const processContext: CliContext = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  clients: {
    s3: (endpoint) => {
      const own = endpoint ?? ownS3Endpoint();
      // With a custom endpoint the bucket is part of the path, not of the host name.
      return new S3Client({ ...at(endpoint), forcePathStyle: own !== undefined });
    },
    dynamoDb: (endpoint) => createCredentialClient(at(endpoint)),
    sns: (endpoint) => new SNSClient(at(endpoint)),
    sqs: () => new SQSClient({}),
    ownSqs: () => new SQSClient({ useQueueUrlAsEndpoint: false }),
    lambda: () => new LambdaClient({}),
    bridge: (endpoint) => createBridgeClients(at(endpoint)),
  },
  interrupted: () => {
    const abort = new AbortController();
    // Once: the second Ctrl-C ends the process as it always does.
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort());
    return abort.signal;
  },
};

function at(endpoint: string | undefined): { readonly endpoint?: string } {
  return endpoint === undefined ? {} : { endpoint };
}
