// `mailsluice archive`: commands for stored mail.
import { setFlagsFromString } from 'node:v8';
import { Command } from 'commander';
import type { CliContext } from '../frame/context.ts';
import { eraseCommand } from './erase.ts';
import { fetchCommand } from './fetch.ts';
import { indexCommand } from './index-command.ts';
import { listCommand } from './list.ts';
import { replayCommand } from './replay.ts';
import { showCommand } from './show.ts';
import { verifyCommand } from './verify.ts';

export function archiveCommand(context: CliContext): Command {
  const command = new Command('archive').description(
    'list, show, fetch, replay, index, verify and erase stored mail',
  );
  const subcommands = [
    listCommand,
    showCommand,
    fetchCommand,
    replayCommand,
    indexCommand,
    verifyCommand,
    eraseCommand,
  ];
  for (const subcommand of subcommands) command.addCommand(subcommand(context));
  // What these commands hold at once is 30 MB, whatever the archive holds; left alone, V8 lets the garbage of
  // 10,000 calls grow to 200 MB before it looks. It reads this flag at every collection.
  return command.hook('preAction', () => setFlagsFromString('--optimize-for-size'));
}
