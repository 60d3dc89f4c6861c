import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { ownS3Endpoint } from './endpoints.ts';
import { limitAge } from './aging-agents.ts';
import { renewCredentials } from './renew-credentials.ts';

export interface BridgeClientOptions {
  /** Calls to one service at once; further ones queue. Default 256. */
  readonly maxSockets?: number;
  /** How long a commit may go on without progress: all tries of a small call must fit in it. Default 20. */
  readonly commitSeconds?: number;
  /** Default: the SDK's standard environment. */
  readonly region?: string;
  readonly endpoint?: string;
  readonly dynamoDbEndpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Default: true where an endpoint is set, here or in the environment. */
  readonly forcePathStyle?: boolean;
}

export interface BridgeClients extends Disposable {
  readonly s3: S3Client;
  readonly sns: SNSClient;
  readonly dynamoDb: DynamoDBClient;
}

/**
 * The SDK clients of the bridge, with pools, timeouts and retries that fit the commit's budget. Region, endpoints and
 * credentials come from the SDK's standard environment where they are not given.
 */
export function createBridgeClients(options: BridgeClientOptions = {}): BridgeClients {
  const { maxSockets = 256, commitSeconds = 20, region, endpoint, credentials } = options;
  const budget = commitSeconds * 1000;
  const shared = {
    ...(region !== undefined && { region }),
    ...(credentials && { credentials }),
    // Not `adaptive`: its rate limiter belongs to the whole client, so one slow prefix would slow everything.
    retryMode: 'standard',
  } as const;
  const requestHandler = (requestTimeout: number) => ({
    connectionTimeout: Math.min(2000, budget / 5),
    requestTimeout,
    // Without it the SDK only logs that a request took too long.
    throwOnRequestTimeout: true,
    httpAgent: limitAge(new HttpAgent({ keepAlive: true, maxSockets })),
    httpsAgent: limitAge(new HttpsAgent({ keepAlive: true, maxSockets })),
  });
  const ownEndpoint = endpoint ?? ownS3Endpoint();

  const s3 = new S3Client({
    ...shared,
    ...(endpoint !== undefined && { endpoint }),
    forcePathStyle: options.forcePathStyle ?? ownEndpoint !== undefined,
    maxAttempts: 4,
    requestHandler: {
      ...requestHandler(budget * 0.3),
      // For a large body, which may take longer. The operating system holds some megabytes after the last octet is
      // written, and a slow network needs seconds for them.
      socketTimeout: budget * 0.5,
    },
    // Every body has our SHA-256; a second checksum only costs CPU.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const sns = new SNSClient({
    ...shared,
    ...(endpoint !== undefined && { endpoint }),
    maxAttempts: 3,
    requestHandler: requestHandler(budget * 0.15),
  });
  const dynamoDbConfig: DynamoDBClientConfig = {
    ...shared,
    ...(options.dynamoDbEndpoint !== undefined && { endpoint: options.dynamoDbEndpoint }),
    maxAttempts: 3,
    requestHandler: requestHandler(Math.min(1500, budget * 0.1)),
  };
  const dynamoDb = new DynamoDBClient(dynamoDbConfig);
  for (const client of [s3, sns, dynamoDb]) renewCredentials(client);
  return {
    s3,
    sns,
    dynamoDb,
    [Symbol.dispose]: () => {
      for (const client of [s3, sns, dynamoDb]) client.destroy();
    },
  };
}
