// Runs `mailsluice …` in this process, with its streams kept.
import { PassThrough, Readable } from 'node:stream';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { EmbeddedAws } from '../../src/app/local/embedded-aws.ts';
import { createBridgeClients } from '../../src/bridge/index.ts';
import type { CliContext } from '../../src/cli/frame/context.ts';
import { run } from '../../src/cli/run.ts';
import { createCredentialClient } from '../../src/credentials/index.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly stdin?: string;
  readonly columns?: number;
  readonly isTTY?: boolean;
  /** Where the Lambda API is. */
  readonly lambdaEndpoint?: string;
  readonly interrupted?: AbortSignal;
}

export type Cli = (args: readonly string[], options?: CliOptions) => Promise<Outcome>;

/** What the commands are run on. */
export type CliAws = Pick<
  EmbeddedAws,
  'region' | 'endpoint' | 'dynamoDbEndpoint' | 'credentials' | 'resources'
>;

/** `mailsluice GROUP …` with a configuration that names the resources of `aws`. */
export function groupCli(group: 'archive' | 'credentials' | 'outbox', aws: CliAws): Cli {
  return async (args, { stdin = '', columns, isTTY, lambdaEndpoint, interrupted } = {}) => {
    const terminal = {
      ...(columns !== undefined && { columns }),
      ...(isTTY !== undefined && { isTTY }),
    };
    const stdout = Object.assign(new PassThrough({ highWaterMark: 64 * 1024 * 1024 }), terminal);
    const stderr = Object.assign(new PassThrough({ highWaterMark: 64 * 1024 * 1024 }), terminal);
    const context: CliContext = {
      stdin: Readable.from(stdin === '' ? [] : [stdin]),
      stdout,
      stderr,
      environment: { MAILSLUICE_CONFIG: configurationOf(aws) },
      clients: clientsOf(aws, lambdaEndpoint),
      interrupted: () => interrupted ?? new AbortController().signal,
    };
    const exitCode = await run([group, ...args], context);
    const text = (stream: PassThrough): string => String(stream.read() ?? '');
    return { exitCode, stdout: text(stdout), stderr: text(stderr) };
  };
}

/** As much of a configuration as the commands read. */
export function configurationOf({ resources: { bucket, topicArn, table } }: CliAws): string {
  return JSON.stringify({ store: { bucket }, notify: { topicArn }, credentials: { table } });
}

function clientsOf(aws: CliAws, lambdaEndpoint = aws.endpoint): CliContext['clients'] {
  const { region, endpoint, dynamoDbEndpoint, credentials } = aws;
  const settings = { region, endpoint, credentials, maxAttempts: 1 };
  return {
    s3: () => new S3Client({ ...settings, forcePathStyle: true }),
    dynamoDb: () => createCredentialClient({ region, endpoint: dynamoDbEndpoint, credentials }),
    sns: () => new SNSClient(settings),
    sqs: () => new SQSClient(settings),
    ownSqs: () => new SQSClient(settings),
    lambda: () => new LambdaClient({ ...settings, endpoint: lambdaEndpoint }),
    bridge: () => createBridgeClients({ region, endpoint, credentials }),
  };
}
