import { Command } from 'commander';
import { selectMail } from '../../archive/index.ts';
import type { ArchiveCliContext } from './context.ts';
import { mailLine, mailObject } from './mail-line.ts';
import { createOutput, renderCount, renderSize } from './output.ts';
import { type CommonOptions, withArchive, withArchiveOptions } from './run.ts';
import {
  readCount,
  readSelection,
  type SelectionOptions,
  withSelectionOptions,
} from './selection-options.ts';

interface ListOptions extends CommonOptions, SelectionOptions {
  readonly keys?: true;
}

export function listCommand(context: ArchiveCliContext): Command {
  const command = withSelectionOptions(withArchiveOptions(new Command('list')))
    .description('list stored mails in the order of their arrival')
    .option('--keys', 'only the keys: quicker, since no mail is looked into')
    .action(async (options: ListOptions) => {
      await withArchive(context, command, options, async (archive) => {
        const selection = readSelection(command, archive, options);
        const limit = readCount(command, '--limit', options.limit) ?? Infinity;
        const output = createOutput(context.stdout);
        let mails = 0;
        let octets = 0;
        const withRecords = options.keys === undefined;
        for await (const mail of selectMail(archive, selection, { withRecords })) {
          await output.write(
            options.json
              ? `${JSON.stringify(mailObject(mail))}\n`
              : `${options.keys ? mail.key : mailLine(mail, context.stdout.columns)}\n`,
          );
          mails += 1;
          octets += mail.sizeInOctets;
          if (mails >= limit || output.isClosed) break;
        }
        if (!options.json && !options.keys) {
          context.stderr.write(`${renderCount(mails, 'mail')}, ${renderSize(octets)}\n`);
        }
      });
    });
  return command;
}
