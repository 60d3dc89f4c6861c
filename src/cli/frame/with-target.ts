// Runs a command on its target: finds it, makes the clients, turns what AWS says into one line, and lets the
// clients go.
import { UsageError } from '../../app/operator-error.ts';
import { listDays, type Place, UnreadableMailError } from '../../archive/index.ts';
import type { BridgeClients } from '../../bridge/index.ts';
import { CredentialAdministration } from '../../credentials/index.ts';
import { bucketErrorLine } from './bucket-error-line.ts';
import type { CliContext } from './context.ts';
import { explained } from './fail.ts';
import type { ArchiveOptions, BucketOptions, TableOptions } from './options.ts';
import { tableErrorLine } from './table-error-line.ts';
import { type ArchiveTarget, findArchive, findBucket, findTable } from './targets.ts';

export interface OpenedArchive extends ArchiveTarget, Place {}

export async function withArchive(
  context: CliContext,
  options: ArchiveOptions,
  action: (archive: OpenedArchive) => Promise<void>,
  {
    mayBeEmpty = false,
    ...more
  }: Pick<OpenedArchive, 'restore'> & {
    /** A prefix without mail is no error. Default false. */
    readonly mayBeEmpty?: boolean;
  } = {},
): Promise<void> {
  const target = await findArchive(context, options);
  const s3 = context.clients.s3(target.endpoint);
  try {
    await explained(
      (error) =>
        error instanceof UnreadableMailError
          ? `${error.key}: ${error.message}`
          : bucketErrorLine(error, target.bucket),
      async () => {
        const archive = { ...target, ...more, s3 };
        if (!mayBeEmpty) await requireMail(archive);
        await action(archive);
      },
    );
  } finally {
    s3.destroy();
  }
}

/**
 * A prefix that is misspelled would select no mail, and nobody would know.
 * @throws UsageError where there never was mail under a prefix that the configuration does not name.
 */
async function requireMail({ s3, bucket, otherPrefixes = [] }: OpenedArchive): Promise<void> {
  for (const prefix of otherPrefixes) {
    const { done } = await listDays({ s3, bucket }, { prefix }).next();
    if (!done) continue;
    throw new UsageError(
      `--prefix: expected the prefix of stored mail, found no key that begins with "${prefix}dt=" in bucket "${bucket}"`,
    );
  }
}

export async function withBucket(
  context: CliContext,
  options: BucketOptions,
  action: (bucket: string, clients: BridgeClients) => Promise<void>,
): Promise<void> {
  const { bucket, endpoint } = await findBucket(context, options);
  using clients = context.clients.bridge(endpoint);
  await explained(
    (error) => bucketErrorLine(error, bucket),
    () => action(bucket, clients),
  );
}

export async function withTable(
  context: CliContext,
  options: TableOptions,
  action: (administration: CredentialAdministration) => Promise<void>,
): Promise<void> {
  const { table, endpoint } = await findTable(context, options);
  const client = context.clients.dynamoDb(endpoint);
  try {
    await explained(
      (error) => tableErrorLine(error, table),
      () => action(new CredentialAdministration(client, table)),
    );
  } finally {
    client.destroy();
  }
}
