import { Command } from 'commander';
import { type IndexedHour, indexHours } from '../../archive/index.ts';
import type { CliContext } from '../frame/context.ts';
import { type ArchiveOptions, withArchiveOptions } from '../frame/options.ts';
import { withArchive } from '../frame/with-target.ts';
import { createOutput, renderCount } from './output.ts';
import { readTime } from './selection-options.ts';
import { createUnreadableReport } from './unreadable-report.ts';
import { printableJson } from '../../app/printable.ts';

interface IndexOptions extends ArchiveOptions {
  readonly from?: string;
  readonly to?: string;
  readonly indexPrefix: string;
}

/** A mail counts to the hour in which it began; the last one is stored a while after its hour. */
const SETTLE_MILLIS = 15 * 60_000;

export function indexCommand(context: CliContext): Command {
  return withArchiveOptions(new Command('index'))
    .description('write one file for each hour, with envelopes and header fields, for Athena')
    .option('--from <time>', 'from this hour on', '1d')
    .option('--to <time>', 'before this hour; default: the end of the last complete hour')
    .option('--index-prefix <prefix>', 'the key prefix of the files', 'index/')
    .action(async (options: IndexOptions) => {
      await withArchive(context, options, async (archive) => {
        const from = readTime('--from', options.from);
        const over = new Date(Date.now() - SETTLE_MILLIS);
        const to = readTime('--to', options.to) ?? over;
        const output = createOutput(context.stdout);
        const { indexPrefix } = options;
        const unreadable = createUnreadableReport(context, { names: options.json !== true });
        let mails = 0;
        let files = 0;
        for (const prefix of archive.prefixes) {
          const range = { prefix, to, indexPrefix, ...(from && { from }) };
          for await (const hour of indexHours(archive, range)) {
            mails += hour.mails;
            files += hour.keys.length;
            for (const error of hour.unreadable) unreadable.add(error);
            await output.write(
              options.json
                ? `${printableJson(hourJson(hour))}\n`
                : `${hour.partition}  ${renderCount(hour.mails, 'mail')}  ${hour.keys.join(' ')}\n`,
            );
          }
        }
        if (!options.json) {
          context.stderr.write(
            `indexed ${renderCount(mails, 'mail')} in ${renderCount(files, 'file')}\n`,
          );
        }
        await output.end();
        unreadable.finish();
      });
    });
}

function hourJson({ unreadable, ...hour }: IndexedHour): object {
  const entries = unreadable.map(({ key, fault, message }) => ({ key, fault, reason: message }));
  return { ...hour, unreadable: entries };
}
