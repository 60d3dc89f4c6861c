import { Command } from 'commander';
import { selectMail } from '../../archive/index.ts';
import type { CliContext } from '../frame/context.ts';
import { type ArchiveOptions, withArchiveOptions } from '../frame/options.ts';
import { withArchive } from '../frame/with-target.ts';
import { mailLine, mailObject } from './mail-line.ts';
import { createOutput, renderCount, renderSize } from './output.ts';
import { createProgress } from './progress.ts';
import {
  readCount,
  readSelection,
  type SelectionOptions,
  withSelectionOptions,
} from './selection-options.ts';
import { createUnreadableReport } from './unreadable-report.ts';
import { printableJson } from '../../app/printable.ts';

interface ListOptions extends ArchiveOptions, SelectionOptions {
  readonly keys?: true;
}

export function listCommand(context: CliContext): Command {
  return withSelectionOptions(withArchiveOptions(new Command('list')))
    .description('list stored mail in order of arrival')
    .option('--keys', 'only the keys: faster, since no object is read')
    .action(async (options: ListOptions) => {
      await withArchive(context, options, async (archive) => {
        const selection = readSelection(archive, options);
        const limit = readCount('--limit', options.limit) ?? Infinity;
        const output = createOutput(context.stdout);
        using progress = createProgress(context.stderr, 'mail');
        const unreadable = createUnreadableReport(context, { beforeLine: () => progress.hide() });
        let mails = 0;
        let octets = 0;
        const select = { withRecords: options.keys === undefined, onRead: () => progress.step() };
        for await (const mail of selectMail(archive, selection, select)) {
          if (mail.unreadable !== undefined) {
            unreadable.add(mail.unreadable);
            continue;
          }
          progress.hide();
          await output.write(
            options.json
              ? `${printableJson(mailObject(mail))}\n`
              : `${options.keys ? mail.key : mailLine(mail, context.stdout.columns)}\n`,
          );
          mails += 1;
          octets += mail.sizeInOctets;
          if (mails >= limit) break;
        }
        await output.end();
        progress.hide();
        if (!options.json && !options.keys) {
          context.stderr.write(`${renderCount(mails, 'mail')}, ${renderSize(octets)}\n`);
        }
        unreadable.finish();
      });
    });
}
