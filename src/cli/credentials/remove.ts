import { Command } from 'commander';
import type { CredentialsCliContext } from './context.ts';
import { type TableOptions, withTable, withTableOptions } from './run.ts';

export function removeCommand(context: CredentialsCliContext): Command {
  const command = withTableOptions(new Command('remove'))
    .description('remove a credential; a running server forgets it within a minute')
    .argument('<name>', 'the user name')
    .action(async (username: string, options: TableOptions) => {
      await withTable(context, command, options, async (administration) => {
        const removed = await administration.remove(username);
        context.stdout.write(
          options.json ? `${JSON.stringify({ username: removed })}\n` : `removed ${removed}\n`,
        );
      });
    });
  return command;
}
