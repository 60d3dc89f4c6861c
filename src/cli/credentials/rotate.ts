import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../../config/units.ts';
import type { CliContext } from '../frame/context.ts';
import { type PasswordOptions, readSecretSource, withPasswordOptions } from './password-input.ts';
import { type TableOptions, withTableOptions } from '../frame/options.ts';
import { withTable } from '../frame/with-target.ts';
import { printSecret } from './print-secret.ts';
import { printableJson } from '../../app/printable.ts';

interface RotateOptions extends TableOptions, PasswordOptions {
  readonly keep: number;
}

const DAY_SECONDS = 86_400;

export function rotateCommand(context: CliContext): Command {
  return withTableOptions(
    withPasswordOptions(new Command('rotate').argument('<name>', 'the user name')),
  )
    .description('give a credential a new secret; the old one works until --keep is over')
    .addOption(
      new Option('--keep <time>', 'how long the old secret still works, for example 7d; 0s ends it')
        .argParser(parseKeep)
        .default(DAY_SECONDS, '24h'),
    )
    .action(async (username: string, options: RotateOptions) => {
      const secret = await readSecretSource(context, options);
      await withTable(context, options, async (administration) => {
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
          context.stdout.write(`${printableJson(printed)}\n`);
          return;
        }
        printSecret(context, written);
        context.stderr.write(
          oldUntil === undefined
            ? 'The old secret stops working on running servers within a minute.\n'
            : `The old secret works until ${oldUntil.toISOString()}.\n`,
        );
      });
    });
}

function parseKeep(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined)
    throw new InvalidArgumentError('expected a time, for example 24h or 7d');
  return seconds;
}
