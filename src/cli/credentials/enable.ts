import { Command } from 'commander';
import type { CredentialsCliContext } from './context.ts';
import { type TableOptions, withTable, withTableOptions } from './run.ts';

export function enableCommand(context: CredentialsCliContext): Command {
  return switchCommand(context, 'enable', true, 'let a disabled credential sign in again, at once');
}

export function disableCommand(context: CredentialsCliContext): Command {
  return switchCommand(
    context,
    'disable',
    false,
    'keep a credential from signing in; running servers refuse it within a minute',
  );
}

function switchCommand(
  context: CredentialsCliContext,
  name: string,
  enabled: boolean,
  description: string,
): Command {
  const command = withTableOptions(new Command(name))
    .description(description)
    .argument('<name>', 'the user name')
    .action(async (username: string, options: TableOptions) => {
      await withTable(context, command, options, async (administration) => {
        const changed = await administration.setEnabled(username, enabled);
        context.stdout.write(
          options.json
            ? `${JSON.stringify({ username: changed.username, enabled })}\n`
            : `${enabled ? 'enabled' : 'disabled'} ${changed.username}\n`,
        );
      });
    });
  return command;
}
