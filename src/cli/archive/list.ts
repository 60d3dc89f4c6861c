import { Command } from 'commander';
import { type SelectedMail, selectMail } from '../../archive/index.ts';
import type { CliContext } from '../frame/context.ts';
import { type ArchiveOptions, withArchiveOptions } from '../frame/options.ts';
import { CSV_HEADER, csvLine, mailLine, mailObject } from './mail-line.ts';
import { createOutput, renderCount, renderSize } from './output.ts';
import { createProgress } from './progress.ts';
import {
  readCount,
  readSelection,
  type SelectionOptions,
  withSelectionOptions,
} from './selection-options.ts';
import {
  type RestoreCliOptions,
  withReadableArchive,
  withRestoreOptions,
} from './restore-options.ts';
import { createUnreadableReport } from './unreadable-report.ts';
import { UsageError } from '../../app/operator-error.ts';
import { printable, printableJson } from '../../app/printable.ts';

interface ListOptions extends ArchiveOptions, SelectionOptions, RestoreCliOptions {
  readonly keys?: true;
  readonly csv?: true;
}

export function listCommand(context: CliContext): Command {
  return withSelectionOptions(withRestoreOptions(withArchiveOptions(new Command('list'))))
    .description('list stored mail in order of arrival')
    .option('--keys', 'only the keys: faster, since no object is read')
    .option('--csv', 'comma-separated values with a header, for a spreadsheet')
    .action(async (options: ListOptions) => {
      const render = renderOf(options, context.stdout.columns);
      await withReadableArchive(context, options, async (archive) => {
        const selection = readSelection(archive, options);
        const limit = readCount('--limit', options.limit) ?? Infinity;
        const output = createOutput(context.stdout);
        using progress = createProgress(context.stderr, 'mail');
        const unreadable = createUnreadableReport(context, { beforeLine: () => progress.hide() });
        if (options.csv) await output.write(CSV_HEADER);
        let mails = 0;
        let octets = 0;
        const select = { withRecords: options.keys === undefined, onRead: () => progress.step() };
        for await (const mail of selectMail(archive, selection, select)) {
          if (mail.unreadable !== undefined) {
            unreadable.add(mail.unreadable);
            continue;
          }
          progress.hide();
          await output.write(render(mail));
          mails += 1;
          octets += mail.sizeInOctets;
          if (mails >= limit) break;
        }
        await output.end();
        progress.hide();
        if (!options.json && !options.keys && !options.csv) {
          context.stderr.write(`${renderCount(mails, 'mail')}, ${renderSize(octets)}\n`);
        }
        unreadable.finish();
      });
    });
}

/** @throws UsageError where two forms are asked for. */
function renderOf(
  { json, keys, csv }: ListOptions,
  columns: number | undefined,
): (mail: SelectedMail) => string {
  if (csv && (json || keys)) {
    throw new UsageError('--csv: expected one of --csv, --json and --keys, got more');
  }
  if (csv) return csvLine;
  if (json) return (mail) => `${printableJson(mailObject(mail))}\n`;
  if (keys) return (mail) => `${printable(mail.key)}\n`;
  return (mail) => `${mailLine(mail, columns)}\n`;
}
