import { Command } from 'commander';
import type { CredentialsCliContext } from './context.ts';
import { renderCredential } from './exported-credential.ts';
import { fail, type TableOptions, withTable, withTableOptions } from './run.ts';

export function exportCommand(context: CredentialsCliContext): Command {
  const command = withTableOptions(new Command('export'))
    .description('print all credentials, one JSON object a line, for "credentials import"')
    .action(async (options: TableOptions) => {
      await withTable(context, command, options, async (administration) => {
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
          `${exported} exported. This holds the verifiers of their secrets: keep it as you keep the table.\n`,
        );
        if (unreadable.length > 0) fail(command, 1, unreadable.join('; '));
      });
    });
  return command;
}
