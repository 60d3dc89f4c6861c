import type { Command } from 'commander';
import { RESTORE_TIERS, type RestoreOptions } from '../../archive/index.ts';
import { UsageError } from '../../app/operator-error.ts';
import type { CliContext } from '../frame/context.ts';
import type { ArchiveOptions } from '../frame/options.ts';
import { type OpenedArchive, withArchive } from '../frame/with-target.ts';
import { readCount } from './selection-options.ts';

export interface RestoreCliOptions {
  readonly restore?: true;
  readonly restoreTier?: string;
  readonly restoreDays?: string;
}

const DEFAULT_DAYS = 7;

export function withRestoreOptions(command: Command): Command {
  return command
    .option('--restore', 'ask S3 to bring back mail that is in cold storage')
    .option('--restore-tier <tier>', 'standard, bulk (cheaper) or expedited; default: standard')
    .option(
      '--restore-days <n>',
      `how long S3 keeps what it brought back; default: ${DEFAULT_DAYS}`,
    );
}

/** `withArchive` for a command that reads mail, and brings it back from cold storage where its options ask for that. */
export async function withReadableArchive(
  context: CliContext,
  options: ArchiveOptions & RestoreCliOptions,
  action: (archive: OpenedArchive) => Promise<void>,
): Promise<void> {
  await withArchive(context, options, action, readRestore(options));
}

function readRestore({ restore, restoreTier, restoreDays }: RestoreCliOptions): {
  readonly restore?: RestoreOptions;
} {
  const days = readCount('--restore-days', restoreDays, 365) ?? DEFAULT_DAYS;
  const tier = RESTORE_TIERS.find((each) => each === (restoreTier ?? 'standard'));
  if (tier === undefined) {
    throw new UsageError(
      `--restore-tier: expected ${RESTORE_TIERS.join(', ')}, got "${restoreTier}"`,
    );
  }
  if (restore) return { restore: { tier, days } };
  if (restoreTier === undefined && restoreDays === undefined) return {};
  throw new UsageError('--restore-tier and --restore-days: expected --restore as well');
}
