import { Command } from 'commander';
import type { CredentialsCliContext } from './context.ts';
import { describeCredential, describeInLines } from './describe.ts';
import { type TableOptions, withTable, withTableOptions } from './run.ts';

/** The longest name of a line, and a gap. */
const NAME_WIDTH = 15;

export function showCommand(context: CredentialsCliContext): Command {
  const command = withTableOptions(new Command('show'))
    .description('show one credential, never a secret')
    .argument('<name>', 'the user name')
    .action(async (username: string, options: TableOptions) => {
      await withTable(context, command, options, async (administration) => {
        const credential = await administration.read(username);
        const now = Date.now();
        if (options.json) {
          context.stdout.write(`${JSON.stringify(describeCredential(credential, now))}\n`);
          return;
        }
        for (const [name, value] of describeInLines(credential, now)) {
          // A note's control characters must not reach the terminal.
          context.stdout.write(`${name.padEnd(NAME_WIDTH)}${value.replace(/\p{Cc}/gu, ' ')}\n`);
        }
      });
    });
  return command;
}
