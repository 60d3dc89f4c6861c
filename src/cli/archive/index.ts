// `mailsluice archive`: what people do with the mail that is stored.
import { Command, CommanderError } from 'commander';
import type { ArchiveCliContext } from './context.ts';
import { fetchCommand } from './fetch.ts';
import { indexCommand } from './index-command.ts';
import { listCommand } from './list.ts';
import { replayCommand } from './replay.ts';
import { showCommand } from './show.ts';

export type { ArchiveCliContext, ArchiveOptions, OpenedArchive } from './context.ts';

/**
 * The command, to be mounted with `addCommand`. It writes only to the streams of `context` and never exits: a
 * failure was already printed when it throws a `CommanderError` whose `exitCode` is 1 (failed) or 2 (used
 * wrongly); help asked for throws one with 0.
 */
export function archiveCommand(context: ArchiveCliContext): Command {
  const command = new Command('archive').description(
    'list, show, fetch, replay and index stored mail',
  );
  const subcommands = [listCommand, showCommand, fetchCommand, replayCommand, indexCommand];
  for (const subcommand of subcommands) command.addCommand(subcommand(context));
  for (const each of [command, ...command.commands]) {
    each
      .configureOutput({
        writeOut: (text) => context.stdout.write(text),
        writeErr: (text) => context.stderr.write(text),
        getOutHelpWidth: () => context.stdout.columns ?? 80,
        getErrHelpWidth: () => context.stderr.columns ?? 80,
      })
      .exitOverride((error) => {
        // Commander says 1 where the command line was wrong; here that is 2.
        const usage = error.code.startsWith('commander.') && error.exitCode !== 0;
        throw new CommanderError(usage ? 2 : error.exitCode, error.code, error.message);
      });
  }
  return command;
}
