import { Command } from 'commander';
import type { CliContext } from '../frame/context.ts';
import { type TableOptions, withTableOptions } from '../frame/options.ts';
import { withTable } from '../frame/with-target.ts';
import { printableJson } from '../../app/printable.ts';

export function removeCommand(context: CliContext): Command {
  return withTableOptions(new Command('remove'))
    .description('remove a credential; a running server forgets it within a minute')
    .argument('<name>', 'the user name')
    .action(async (username: string, options: TableOptions) => {
      await withTable(context, options, async (administration) => {
        const removed = await administration.remove(username);
        context.stdout.write(
          options.json ? `${printableJson({ username: removed })}\n` : `removed ${removed}\n`,
        );
      });
    });
}
