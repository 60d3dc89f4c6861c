// How every command ends. Exit codes: 0 done, 1 failed, 2 usage error. A failure is one line on standard error for
// each mistake, never a stack trace.
import { type Command, CommanderError } from 'commander';
import { OperatorError, UsageError } from '../../app/operator-error.ts';
import { ConfigurationError } from '../../config/index.ts';
import { printable } from '../../app/printable.ts';

export type ExitCode = 0 | 1 | 2;

/** `mailsluice archive list`: what each line about a failure begins with. */
export function commandPath(command: Command): string {
  const { parent } = command;
  return parent === null ? command.name() : `${commandPath(parent)} ${command.name()}`;
}

/** Writes what was thrown, unless that was done already, and returns the exit code. */
export function report(
  error: unknown,
  command: Command,
  stderr: { write(text: string): unknown },
): ExitCode {
  if (error instanceof CommanderError) {
    // Commander has written it: help and the version as they were asked for, anything else as a usage error.
    return error.exitCode === 0 ? 0 : 2;
  }
  for (const line of messageOf(error).split('\n')) {
    stderr.write(`${commandPath(command)}: ${printable(line)}\n`);
  }
  return error instanceof UsageError || error instanceof ConfigurationError ? 2 : 1;
}

/** Runs `action`; an error that `explain` knows becomes a line for the operator. */
export async function explained<T>(
  explain: (error: unknown) => string | undefined,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const line = explain(error);
    if (line === undefined) throw error;
    throw new OperatorError(line, { cause: error });
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
