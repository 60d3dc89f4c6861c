import { Command } from 'commander';
import { UsageError } from '../../app/operator-error.ts';
import type { CliContext } from '../frame/context.ts';
import { type GrantOptions, grantsOfOptions, withGrantOptions } from './grant-options.ts';
import { type PasswordOptions, readSecretSource, withPasswordOptions } from './password-input.ts';
import { type TableOptions, withTableOptions } from '../frame/options.ts';
import { withTable } from '../frame/with-target.ts';
import { printSecret } from './print-secret.ts';

interface AddOptions extends TableOptions, PasswordOptions, GrantOptions {
  readonly tokenOnly?: true;
}

export function addCommand(context: CliContext): Command {
  return withTableOptions(
    withGrantOptions(withPasswordOptions(new Command('add').argument('<name>', 'the user name'))),
  )
    .description('add a credential; its generated secret is shown once')
    .option('--token-only', 'without a secret: the user signs in with OAUTHBEARER or XOAUTH2 only')
    .action(async (username: string, options: AddOptions) => {
      const { tokenOnly, askPassword, passwordStdin, expires, note } = options;
      if (tokenOnly && (askPassword || passwordStdin)) {
        throw new UsageError('expected --token-only or a password, got both');
      }
      const grants = grantsOfOptions(options);
      if (grants === undefined) {
        throw new UsageError('expected the same period in --messages and --volume');
      }
      const secret = tokenOnly
        ? ({ kind: 'none' } as const)
        : await readSecretSource(context, options);
      await withTable(context, options, async (administration) => {
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
        } else printSecret(context, written);
      });
    });
}
