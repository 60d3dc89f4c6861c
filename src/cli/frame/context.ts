import { setFlagsFromString } from 'node:v8';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { parseSection } from '../../config/index.ts';
import type { ArchiveCliContext } from '../archive/context.ts';
import { readConfigurationSource } from './configuration-source.ts';

/** What `mailsluice local` makes, and what a configuration that names no store means. */
const DEFAULT_BUCKET = 'mailsluice-mail';
const DEFAULT_PREFIX = 'mail/';

/**
 * Finds the archive as the server does: `--bucket` and `--prefix`, else `store` and the routes' prefixes of the
 * configuration. Of the document only the sections `store`, `routes` and `notify` are looked at. Region,
 * endpoints and credentials are the SDK's standard environment.
 */
export const archiveContext: ArchiveCliContext = {
  async openArchive({ config, bucket, prefix }) {
    // What these commands hold at once is 30 MB, whatever the archive holds; left alone, V8 lets the garbage of
    // 10,000 calls grow to 200 MB before it looks. It reads this flag at every collection.
    setFlagsFromString('--optimize-for-size');
    const source = await readConfigurationSource(config);
    const document = source?.document;
    const section = <N extends 'store' | 'routes' | 'notify'>(name: N) =>
      hasSection(document, name) ? parseSection(document, name) : undefined;
    const store = section('store');
    const routes = section('routes') ?? [];
    const topicArn = section('notify')?.topicArn;
    const prefixes = prefix ?? [
      store?.prefix ?? DEFAULT_PREFIX,
      ...routes.flatMap((route) => (route.prefix === undefined ? [] : [route.prefix])),
    ];
    const own = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
    return {
      // With an endpoint of one's own the bucket is no host name.
      s3: new S3Client({ forcePathStyle: own !== undefined }),
      bucket: bucket ?? store?.bucket ?? DEFAULT_BUCKET,
      prefixes: [...new Set(prefixes.map(withSlash))],
      ...(topicArn !== undefined && { topicArn }),
    };
  },
  clients: {
    sns: () => new SNSClient({}),
    sqs: () => new SQSClient({}),
    lambda: () => new LambdaClient({}),
  },
  stdout: process.stdout,
  stderr: process.stderr,
  interrupted: () => {
    const abort = new AbortController();
    // Once: the second Ctrl-C ends the process as it always does.
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort());
    return abort.signal;
  },
};

function hasSection(document: unknown, name: string): boolean {
  return typeof document === 'object' && document !== null && name in document;
}

/** As the server puts it before the time partitions. */
function withSlash(prefix: string): string {
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
}
