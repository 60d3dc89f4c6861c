import { Command } from 'commander';
import type { CliContext } from '../frame/context.ts';
import { type TableOptions, withTableOptions } from '../frame/options.ts';
import { withTable } from '../frame/with-target.ts';
import { printableJson } from '../../app/printable.ts';

export function enableCommand(context: CliContext): Command {
  return switchCommand(context, 'enable', true, 'let a disabled credential sign in again, at once');
}

export function disableCommand(context: CliContext): Command {
  return switchCommand(
    context,
    'disable',
    false,
    'keep a credential from signing in; running servers refuse it within a minute',
  );
}

function switchCommand(
  context: CliContext,
  name: string,
  enabled: boolean,
  description: string,
): Command {
  return withTableOptions(new Command(name))
    .description(description)
    .argument('<name>', 'the user name')
    .action(async (username: string, options: TableOptions) => {
      await withTable(context, options, async (administration) => {
        const changed = await administration.setEnabled(username, enabled);
        context.stdout.write(
          options.json
            ? `${printableJson({ username: changed.username, enabled })}\n`
            : `${enabled ? 'enabled' : 'disabled'} ${changed.username}\n`,
        );
      });
    });
}
