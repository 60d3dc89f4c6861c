// Runs `mailsluice archive …` in this process, with its streams kept.
import { PassThrough } from 'node:stream';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { CommanderError } from 'commander';
import { archiveCommand, type OpenedArchive } from '../../../src/cli/archive/index.ts';
import type { EmbeddedAws } from '../../../src/app/local/embedded-aws.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly columns?: number;
  readonly isTTY?: boolean;
  /** Where the Lambda API is. */
  readonly lambdaEndpoint?: string;
  readonly interrupted?: AbortSignal;
}

export type ArchiveCli = (args: readonly string[], options?: CliOptions) => Promise<Outcome>;

/** The command on the bucket and topic of `aws`. */
export function archiveCli(
  aws: Pick<EmbeddedAws, 'region' | 'endpoint' | 'credentials' | 'resources'>,
  configured: Partial<OpenedArchive> = {},
): ArchiveCli {
  return async (args, { columns, isTTY, lambdaEndpoint, interrupted } = {}) => {
    const terminal = {
      ...(columns !== undefined && { columns }),
      ...(isTTY !== undefined && { isTTY }),
    };
    const stdout = Object.assign(new PassThrough({ highWaterMark: 64 * 1024 * 1024 }), terminal);
    const stderr = Object.assign(new PassThrough({ highWaterMark: 64 * 1024 * 1024 }), terminal);
    const { region, endpoint, credentials } = aws;
    const settings = { region, endpoint, credentials, maxAttempts: 1 };
    const command = archiveCommand({
      stdout,
      stderr,
      interrupted: () => interrupted ?? new AbortController().signal,
      openArchive: async ({ bucket, prefix }) => ({
        s3: new S3Client({ ...settings, forcePathStyle: true }),
        bucket: bucket ?? aws.resources.bucket,
        prefixes: prefix ?? ['mail/'],
        topicArn: aws.resources.topicArn,
        ...configured,
      }),
      clients: {
        sns: () => new SNSClient(settings),
        sqs: () => new SQSClient(settings),
        lambda: () => new LambdaClient({ ...settings, endpoint: lambdaEndpoint ?? endpoint }),
      },
    });
    let exitCode = 0;
    try {
      await command.parseAsync([...args], { from: 'user' });
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      ({ exitCode } = error);
    }
    const text = (stream: PassThrough): string => String(stream.read() ?? '');
    return { exitCode, stdout: text(stdout), stderr: text(stderr) };
  };
}
