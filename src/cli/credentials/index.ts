// `mailsluice credentials`: what operators do to the credential table.
import { Command, CommanderError } from 'commander';
import { addCommand } from './add.ts';
import type { CredentialsCliContext } from './context.ts';
import { disableCommand, enableCommand } from './enable.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { listCommand } from './list.ts';
import { removeCommand } from './remove.ts';
import { rotateCommand } from './rotate.ts';
import { showCommand } from './show.ts';

export type { CredentialsCliContext } from './context.ts';

/**
 * The command, to be mounted with `addCommand`. It writes only to the streams of `context` and never exits: a
 * failure was already printed when it throws a `CommanderError` whose `exitCode` is 1 (failed) or 2 (used
 * wrongly); help asked for throws one with 0.
 */
export function credentialsCommand(context: CredentialsCliContext): Command {
  const command = new Command('credentials').description('manage who may sign in');
  for (const make of [
    addCommand,
    listCommand,
    showCommand,
    disableCommand,
    enableCommand,
    rotateCommand,
    removeCommand,
    importCommand,
    exportCommand,
  ]) {
    command.addCommand(make(context));
  }
  for (const each of [command, ...command.commands]) {
    each
      .configureOutput({
        writeOut: (text) => context.stdout.write(text),
        writeErr: (text) => context.stderr.write(text),
        getOutHelpWidth: () => context.stdout.columns ?? 80,
        getErrHelpWidth: () => context.stdout.columns ?? 80,
      })
      .exitOverride((error) => {
        // Commander says 1 where the command line was wrong; here that is 2.
        const usage = error.code.startsWith('commander.') && error.exitCode !== 0;
        throw new CommanderError(usage ? 2 : error.exitCode, error.code, error.message);
      });
  }
  return command;
}
