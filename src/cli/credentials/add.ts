import { Command, InvalidArgumentError } from 'commander';
import { UsageError } from '../../app/operator-error.ts';
import { canonicalUsername } from '../../credentials/index.ts';
import type { CliContext } from '../frame/context.ts';
import { type GrantOptions, grantsOfOptions, withGrantOptions } from './grant-options.ts';
import { type PasswordOptions, readSecretSource, withPasswordOptions } from './password-input.ts';
import { type TableOptions, withTableOptions } from '../frame/options.ts';
import { withTable } from '../frame/with-target.ts';
import { printSecret } from './print-secret.ts';
import { printableJson } from '../../app/printable.ts';

interface AddOptions extends TableOptions, PasswordOptions, GrantOptions {
  readonly tokenOnly?: true;
  readonly tokenIssuer?: readonly string[];
  readonly tokenName?: string;
}

export function addCommand(context: CliContext): Command {
  return withTableOptions(
    withGrantOptions(withPasswordOptions(new Command('add').argument('<name>', 'the user name'))),
  )
    .description('add a credential; its generated secret is shown once')
    .option('--token-only', 'without a secret: the user signs in with OAUTHBEARER or XOAUTH2 only')
    .option(
      '--token-issuer <url>',
      'may sign in with tokens of this issuer (repeatable); with --token-only the default is every configured one',
      collectIssuer,
    )
    .option('--token-name <name>', 'the name in the tokens, exactly, if it is not the user name')
    .action(async (username: string, options: AddOptions) => {
      const { tokenOnly, tokenIssuer, tokenName, askPassword, passwordStdin } = options;
      const { expires, note } = options;
      if (tokenOnly && (askPassword || passwordStdin)) {
        throw new UsageError('expected --token-only or a password, got both');
      }
      if (tokenName !== undefined && canonicalUsername(tokenName) !== canonicalUsername(username)) {
        throw new UsageError(
          'expected a --token-name that differs from the user name in case or form only',
        );
      }
      if (tokenName !== undefined && !tokenOnly && tokenIssuer === undefined) {
        throw new UsageError('expected --token-only or --token-issuer beside --token-name');
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
          ...(tokenIssuer && { tokenIssuers: tokenIssuer }),
          ...(tokenName !== undefined && { tokenName }),
          grants,
          ...(expires && { expiresAt: expires }),
          ...(note !== undefined && { note }),
        });
        if (options.json) {
          const printed = { username: written.credential.username, password: written.generated };
          context.stdout.write(`${printableJson(printed)}\n`);
        } else printSecret(context, written);
      });
    });
}

function collectIssuer(text: string, before: readonly string[] = []): string[] {
  if (!/^https?:\/\/\S+$/.test(text)) {
    throw new InvalidArgumentError('expected the issuer of the configuration, an https URL');
  }
  return [...before, text];
}
