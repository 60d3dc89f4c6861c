import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { S3Client } from '@aws-sdk/client-s3';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';

/** The archive that a command works on. */
export interface OpenedArchive {
  /** Destroyed by the command. */
  readonly s3: S3Client;
  readonly bucket: string;
  /** In front of the time partitions: the store's, and those of routes. */
  readonly prefixes: readonly string[];
  /** The topic of the configuration. */
  readonly topicArn?: string;
}

export interface ArchiveOptions {
  readonly config?: string;
  readonly bucket?: string;
  readonly prefix?: readonly string[];
}

/** What the commands need of the program around them. */
export interface ArchiveCliContext {
  /** The bucket and prefixes that the options name, or those of the configuration. */
  openArchive(options: ArchiveOptions): Promise<OpenedArchive>;
  /** Made only by a replay that needs them, and destroyed by it. */
  readonly clients: {
    sns(): SNSClient;
    sqs(): SQSClient;
    lambda(): LambdaClient;
  };
  readonly stdout: NodeJS.WritableStream & { readonly columns?: number; readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly columns?: number; readonly isTTY?: boolean };
  /** Fires when the person wants to stop: what is under way is finished and said. */
  interrupted(): AbortSignal;
}
