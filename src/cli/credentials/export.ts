import { Command } from 'commander';
import { OperatorError } from '../../app/operator-error.ts';
import type { CliContext } from '../frame/context.ts';
import { renderCredential } from './exported-credential.ts';
import { type TableOptions, withTableOptions } from '../frame/options.ts';
import { withTable } from '../frame/with-target.ts';

export function exportCommand(context: CliContext): Command {
  return withTableOptions(new Command('export'))
    .description('print all credentials, one JSON object a line, for "credentials import"')
    .action(async (options: TableOptions) => {
      await withTable(context, options, async (administration) => {
        const unreadable: string[] = [];
        let exported = 0;
        for await (const row of administration.list()) {
          if ('key' in row) unreadable.push(row.error.message);
          else {
            context.stdout.write(`${renderCredential(row)}\n`);
            exported++;
          }
        }
        context.stderr.write(
          `${exported} exported. The output holds password verifiers: protect it like the table.\n`,
        );
        if (unreadable.length > 0) throw new OperatorError(unreadable.join('; '));
      });
    });
}
