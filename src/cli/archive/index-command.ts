import { Command } from 'commander';
import { floorHour, type IndexedHour, indexHours, type IndexOptions } from '../../archive/index.ts';
import { UsageError } from '../../app/operator-error.ts';
import { printableJson } from '../../app/printable.ts';
import type { CliContext } from '../frame/context.ts';
import { type ArchiveOptions, withArchiveOptions } from '../frame/options.ts';
import { createOutput, renderCount } from './output.ts';
import { createProgress } from './progress.ts';
import { readTime } from './selection-values.ts';
import {
  type RestoreCliOptions,
  withReadableArchive,
  withRestoreOptions,
} from './restore-options.ts';
import { createUnreadableReport, type UnreadableEntry } from './unreadable-report.ts';

interface IndexCliOptions extends ArchiveOptions, RestoreCliOptions {
  readonly from: string;
  readonly to?: string;
  readonly indexPrefix: string;
  readonly rewrite?: true;
}

/** A mail counts to the hour in which it began; the last one is stored a while after its hour. */
const SETTLE_MILLIS = 15 * 60_000;
const HOUR_MILLIS = 3_600_000;

export function indexCommand(context: CliContext): Command {
  return withRestoreOptions(withArchiveOptions(new Command('index')))
    .description('write one file for each hour, with envelopes and header fields, for Athena')
    .option('--from <time>', 'from this hour on', '1d')
    .option('--to <time>', 'before this hour; default: the end of the last complete hour')
    .option('--index-prefix <prefix>', 'the key prefix of the files', 'index/')
    .option('--rewrite', 'read every mail again, also of hours that are done')
    .action(async (options: IndexCliOptions) => {
      const range = readRange(options);
      await withReadableArchive(context, options, async (archive) => {
        const output = createOutput(context.stdout);
        using progress = createProgress(context.stderr, 'mail');
        let entries: UnreadableEntry[] = [];
        const unreadable = createUnreadableReport(context, {
          names: options.json !== true,
          beforeLine: () => progress.hide(),
          onEntry: (entry) => entries.push(entry),
        });
        const counts = newCounts();
        for (const prefix of archive.prefixes) {
          const hours = indexHours(archive, {
            ...range,
            prefix,
            indexPrefix: withSlash(options.indexPrefix),
            rewrite: options.rewrite === true,
            onRead: () => progress.step(),
            onUnreadable: (error) => unreadable.add(error),
          });
          for await (const hour of hours) {
            counts[hour.state] += 1;
            counts.mails += hour.mails;
            counts.files += hour.keys.length;
            progress.hide();
            if (options.json) {
              await output.write(`${printableJson({ ...hour, unreadable: entries })}\n`);
            } else if (hour.state !== 'unchanged') {
              await output.write(`${hourLine(hour)}\n`);
            }
            entries = [];
          }
        }
        await output.end();
        progress.hide();
        const why = counts.written + counts.removed === 0 ? reasonFor(counts, range) : undefined;
        if (!options.json || why !== undefined) {
          context.stderr.write(`${summary(counts)}${why === undefined ? '' : `: ${why}`}\n`);
        }
        unreadable.finish();
      });
    });
}

type Range = Required<Pick<IndexOptions, 'from' | 'to'>>;

/** @throws UsageError where the range has no hour. */
function readRange(options: IndexCliOptions): Range {
  const from = readTime('--from', options.from) ?? new Date(0);
  const to = readTime('--to', options.to);
  if (to !== undefined && from >= to) {
    throw new UsageError(`--from: expected a time before --to, got "${options.from}"`);
  }
  if (to !== undefined && floorHour(from) >= floorHour(to)) {
    throw new UsageError(
      `--to: expected a time in a later hour than --from, since an index is of whole hours, got "${options.to}"`,
    );
  }
  return { from: floorHour(from), to: floorHour(to ?? new Date(Date.now() - SETTLE_MILLIS)) };
}

/** Of hours, mails and files. */
type Counts = Record<IndexedHour['state'] | 'mails' | 'files', number>;

function newCounts(): Counts {
  return { written: 0, unchanged: 0, removed: 0, mails: 0, files: 0 };
}

function hourLine({ partition, state, mails, read, keys, deleted }: IndexedHour): string {
  if (state === 'removed') return `${partition}  no mail left  removed ${deleted.join(' ')}`;
  const removed = deleted.length === 0 ? '' : `  removed ${deleted.join(' ')}`;
  const news = read === mails ? '' : ` (${renderCount(read, 'mail')} read)`;
  return `${partition}  ${renderCount(mails, 'mail')}${news}  ${keys.join(' ')}${removed}`;
}

function summary({ mails, files, removed }: Counts): string {
  const gone = removed === 0 ? '' : `, removed the index of ${renderCount(removed, 'hour')}`;
  return `indexed ${renderCount(mails, 'mail')} in ${renderCount(files, 'file')}${gone}`;
}

/** Why a run wrote nothing. */
function reasonFor({ unchanged }: Counts, { from, to }: Range): string {
  if (from >= to) {
    const complete = new Date(from.getTime() + HOUR_MILLIS + SETTLE_MILLIS);
    return `no hour since ${minute(from)} is complete; the first one is indexed from ${minute(complete)} on`;
  }
  if (unchanged > 0) return `the index of ${renderCount(unchanged, 'hour')} is up to date`;
  return `there is no mail from ${minute(from)} to ${minute(to)} under these prefixes`;
}

/** `2026-11-23T13:00Z` */
function minute(at: Date): string {
  return `${at.toISOString().slice(0, 16)}Z`;
}

function withSlash(prefix: string): string {
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
}
