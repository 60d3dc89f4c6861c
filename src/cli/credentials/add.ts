import { Command } from 'commander';
import type { CredentialsCliContext } from './context.ts';
import { type TableOptions, withTable, withTableOptions } from './run.ts';

export function addCommand(context: CredentialsCliContext): Command {
  const command = withTableOptions(new Command('add'))
    .description('add a credential; its generated secret is shown once')
    .argument('<name>', 'the user name to sign in with')
    .option('--note <text>', 'who or what it is for')
    .action(async (username: string, options: TableOptions & { readonly note?: string }) => {
      await withTable(context, command, options, async (administration) => {
        const { credential, generated } = await administration.add({
          username,
          ...(options.note !== undefined && { note: options.note }),
        });
        if (options.json) {
          const printed = { username: credential.username, password: generated };
          context.stdout.write(`${JSON.stringify(printed)}\n`);
          return;
        }
        context.stdout.write(`username  ${credential.username}\npassword  ${generated ?? ''}\n`);
        context.stderr.write('The password is shown this once and stored nowhere.\n');
      });
    });
  return command;
}
