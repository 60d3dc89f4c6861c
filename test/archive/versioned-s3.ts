// An S3 that keeps versions and knows Object Lock, as the bucket of a deployment does and the embedded one does not:
// moto's server, which nobody here wrote.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { freePort } from '../support/free-port.ts';
import type { ArchiveAws } from './support.ts';

const REGION = 'us-east-1';
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

export interface VersionedAws extends ArchiveAws {
  readonly endpoint: string;
  readonly environment: Readonly<Record<string, string>>;
  /** A new bucket that keeps versions. */
  bucket(name: string, options?: { readonly objectLock?: boolean }): Promise<ArchiveAws>;
  close(): Promise<void>;
}

export async function startVersionedAws(pythonBin: string): Promise<VersionedAws> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const server = spawn(`${pythonBin}/moto_server`, ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  });
  await answers(server, endpoint);
  const settings = { region: REGION, endpoint, credentials: CREDENTIALS };
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const sns = new SNSClient(settings);
  const topicArn = (await sns.send(new CreateTopicCommand({ Name: 'mail' }))).TopicArn ?? '';
  const bucket = async (
    name: string,
    { objectLock = false }: { readonly objectLock?: boolean } = {},
  ): Promise<ArchiveAws> => {
    await s3.send(
      new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: objectLock }),
    );
    await s3.send(
      new PutBucketVersioningCommand({
        Bucket: name,
        VersioningConfiguration: { Status: 'Enabled' },
      }),
    );
    return { s3, sns, resources: { bucket: name, topicArn } };
  };
  return {
    ...(await bucket('versioned')),
    endpoint,
    environment: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    bucket,
    close: async () => {
      s3.destroy();
      sns.destroy();
      if (server.exitCode !== null) return;
      const closed = once(server, 'close');
      server.kill('SIGKILL');
      await closed;
    },
  };
}

async function answers(server: ChildProcess, endpoint: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (server.exitCode !== null) throw new Error(`moto ended with ${server.exitCode}`);
    try {
      await fetch(`${endpoint}/moto-api/`);
      return;
    } catch {
      await sleep(100);
    }
  }
  throw new Error('moto did not start');
}

/** All versions and delete markers, as `key` or `key (deleted)`. */
export async function listAllVersions(
  { s3, resources }: ArchiveAws,
  Prefix = '',
): Promise<string[]> {
  const { Versions = [], DeleteMarkers = [] } = await s3.send(
    new ListObjectVersionsCommand({ Bucket: resources.bucket, Prefix }),
  );
  return [
    ...Versions.map(({ Key }) => `${Key}`),
    ...DeleteMarkers.map(({ Key }) => `${Key} (deleted)`),
  ].sort();
}
