import { type Command, CommanderError } from 'commander';

/** Where a command and all below it write. */
export interface CommandStreams {
  readonly stdout: NodeJS.WritableStream & { readonly columns?: number };
  readonly stderr: NodeJS.WritableStream;
}

/**
 * Makes a command and those below it write only to these streams and never exit: a failure was already printed
 * when they throw a `CommanderError` whose `exitCode` is 1 (failed) or 2 (used wrongly); help asked for throws
 * one with 0.
 */
export function writeTo({ stdout, stderr }: CommandStreams, command: Command): Command {
  for (const each of [command, ...command.commands]) {
    each
      .configureOutput({
        writeOut: (text) => stdout.write(text),
        writeErr: (text) => stderr.write(text),
        getOutHelpWidth: () => stdout.columns ?? 80,
        getErrHelpWidth: () => stdout.columns ?? 80,
      })
      .exitOverride((error) => {
        // Commander says 1 where the command line was wrong; here that is 2.
        const usage = error.code.startsWith('commander.') && error.exitCode !== 0;
        throw new CommanderError(usage ? 2 : error.exitCode, error.code, error.message);
      });
  }
  return command;
}
