import { Command } from 'commander';
import type { CredentialsCliContext } from './context.ts';
import { type GrantOptions, grantsOfOptions, withGrantOptions } from './grant-options.ts';
import { type PasswordOptions, readSecretSource, withPasswordOptions } from './password-input.ts';
import { fail, type TableOptions, withTable, withTableOptions } from './run.ts';
import { tellOnce } from './told-once.ts';

interface AddOptions extends TableOptions, PasswordOptions, GrantOptions {
  readonly tokenOnly?: true;
}

export function addCommand(context: CredentialsCliContext): Command {
  const command = withTableOptions(
    withGrantOptions(withPasswordOptions(new Command('add').argument('<name>', 'the user name'))),
  )
    .description('add a credential; its generated secret is shown once')
    .option('--token-only', 'make no secret: it signs in by OAUTHBEARER or XOAUTH2 alone')
    .action(async (username: string, options: AddOptions) => {
      const { tokenOnly, askPassword, passwordStdin, expires, note } = options;
      if (tokenOnly && (askPassword || passwordStdin)) {
        fail(command, 2, 'expected --token-only or a password, got both');
      }
      const grants = grantsOfOptions(options);
      if (grants === undefined) {
        fail(command, 2, 'expected the same period in --messages and --volume');
      }
      const secret = tokenOnly
        ? ({ kind: 'none' } as const)
        : await readSecretSource(context, command, options);
      await withTable(context, command, options, async (administration) => {
        const written = await administration.add({
          username,
          secret,
          grants,
          ...(expires && { expiresAt: expires }),
          ...(note !== undefined && { note }),
        });
        if (options.json) {
          const printed = { username: written.credential.username, password: written.generated };
          context.stdout.write(`${JSON.stringify(printed)}\n`);
        } else tellOnce(context, written);
      });
    });
  return command;
}
