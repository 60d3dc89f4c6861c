import { Command } from 'commander';
import type { CliContext } from '../frame/context.ts';
import { describeCredential, describeInLines } from './describe.ts';
import { type TableOptions, withTableOptions } from '../frame/options.ts';
import { withTable } from '../frame/with-target.ts';
import { printable, printableJson } from '../../app/printable.ts';

/** The longest name of a line, and a gap. */
const NAME_WIDTH = 15;

export function showCommand(context: CliContext): Command {
  return withTableOptions(new Command('show'))
    .description('show one credential, without secrets')
    .argument('<name>', 'the user name')
    .action(async (username: string, options: TableOptions) => {
      await withTable(context, options, async (administration) => {
        const credential = await administration.read(username);
        const now = Date.now();
        if (options.json) {
          context.stdout.write(`${printableJson(describeCredential(credential, now))}\n`);
          return;
        }
        for (const [name, value] of describeInLines(credential, now)) {
          context.stdout.write(`${name.padEnd(NAME_WIDTH)}${printable(value)}\n`);
        }
      });
    });
}
