// `mailsluice archive`: what people do with the mail that is stored.
import { Command } from 'commander';
import { writeTo } from '../frame/command-streams.ts';
import type { ArchiveCliContext } from './context.ts';
import { fetchCommand } from './fetch.ts';
import { indexCommand } from './index-command.ts';
import { listCommand } from './list.ts';
import { replayCommand } from './replay.ts';
import { showCommand } from './show.ts';

export type { ArchiveCliContext, ArchiveOptions, OpenedArchive } from './context.ts';

/** The command, to be mounted with `addCommand`; see `writeTo` for how it writes and ends. */
export function archiveCommand(context: ArchiveCliContext): Command {
  const command = new Command('archive').description(
    'list, show, fetch, replay and index stored mail',
  );
  const subcommands = [listCommand, showCommand, fetchCommand, replayCommand, indexCommand];
  for (const subcommand of subcommands) command.addCommand(subcommand(context));
  return writeTo(context, command);
}
