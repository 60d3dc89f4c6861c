import type { Command } from 'commander';
import { RESTORE_TIERS, type RestoreOptions } from '../../archive/index.ts';
import { UsageError } from '../../app/operator-error.ts';
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

/** For the place that a command reads. @throws UsageError */
export function readRestore({ restore, restoreTier, restoreDays }: RestoreCliOptions): {
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
