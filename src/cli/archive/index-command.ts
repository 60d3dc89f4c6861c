import { Command } from 'commander';
import { indexHours } from '../../archive/index.ts';
import type { ArchiveCliContext } from './context.ts';
import { createOutput, renderCount } from './output.ts';
import { type CommonOptions, withArchive, withArchiveOptions } from './run.ts';
import { readTime } from './selection-options.ts';

interface IndexOptions extends CommonOptions {
  readonly from?: string;
  readonly to?: string;
  readonly indexPrefix: string;
}

/** A mail counts to the hour in which it began; the last one is stored a while after its hour. */
const SETTLE_MILLIS = 15 * 60_000;

export function indexCommand(context: ArchiveCliContext): Command {
  const command = withArchiveOptions(new Command('index'))
    .description('write one file for each hour, with envelopes and header fields, for Athena')
    .option('--from <time>', 'from this hour on; default: the hours of the last day', '1d')
    .option('--to <time>', 'before this hour; default: as far as hours are over')
    .option('--index-prefix <prefix>', 'where the files go', 'index/')
    .action(async (options: IndexOptions) => {
      await withArchive(context, command, options, async (archive) => {
        const from = readTime(command, '--from', options.from);
        const over = new Date(Date.now() - SETTLE_MILLIS);
        const to = readTime(command, '--to', options.to) ?? over;
        const output = createOutput(context.stdout);
        const { indexPrefix } = options;
        let mails = 0;
        let files = 0;
        for (const prefix of archive.prefixes) {
          const range = { prefix, to, indexPrefix, ...(from && { from }) };
          for await (const hour of indexHours(archive, range)) {
            mails += hour.mails;
            files += hour.keys.length;
            for (const key of hour.unreadable) context.stderr.write(`${key}: no mail of ours\n`);
            await output.write(
              options.json
                ? `${JSON.stringify(hour)}\n`
                : `${hour.partition}  ${renderCount(hour.mails, 'mail')}  ${hour.keys.join(' ')}\n`,
            );
          }
        }
        if (!options.json) {
          context.stderr.write(
            `indexed ${renderCount(mails, 'mail')} in ${renderCount(files, 'file')}\n`,
          );
        }
      });
    });
  return command;
}
