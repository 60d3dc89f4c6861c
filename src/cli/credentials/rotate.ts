import { Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../../config/units.ts';
import type { CredentialsCliContext } from './context.ts';
import { type PasswordOptions, readSecretSource, withPasswordOptions } from './password-input.ts';
import { type TableOptions, withTable, withTableOptions } from './run.ts';
import { tellOnce } from './told-once.ts';

interface RotateOptions extends TableOptions, PasswordOptions {
  readonly keep: number;
}

const DAY_SECONDS = 86_400;

export function rotateCommand(context: CredentialsCliContext): Command {
  const command = withTableOptions(
    withPasswordOptions(new Command('rotate').argument('<name>', 'the user name')),
  )
    .description('give a credential a new secret; the old one goes on for a while')
    .option(
      '--keep <time>',
      'how long the old secret still works, as 7d; 0s ends it',
      parseKeep,
      DAY_SECONDS,
    )
    .action(async (username: string, options: RotateOptions) => {
      const secret = await readSecretSource(context, command, options);
      await withTable(context, command, options, async (administration) => {
        const now = new Date();
        const keepUntil = new Date(now.getTime() + options.keep * 1000);
        const written = await administration.rotate(username, secret, keepUntil, now);
        const oldUntil = written.credential.secrets[1]?.expiresAt;
        if (options.json) {
          const printed = {
            username: written.credential.username,
            password: written.generated,
            oldUntil,
          };
          context.stdout.write(`${JSON.stringify(printed)}\n`);
          return;
        }
        tellOnce(context, written);
        context.stderr.write(
          oldUntil === undefined
            ? 'The old secret stops working on running servers within a minute.\n'
            : `The old secret works until ${oldUntil.toISOString()}.\n`,
        );
      });
    });
  return command;
}

function parseKeep(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined) throw new InvalidArgumentError('expected a time, as 24h or 7d');
  return seconds;
}
