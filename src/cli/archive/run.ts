// What every command of this folder shares: its options, its archive, and how it fails.
import { type Command, CommanderError } from 'commander';
import { MailNotFoundError, ReplayStateError } from '../../archive/index.ts';
import { bucketErrorLine } from '../frame/bucket-error-line.ts';
import type { ArchiveCliContext, ArchiveOptions, OpenedArchive } from './context.ts';

export interface CommonOptions extends ArchiveOptions {
  readonly json?: true;
}

/** Adds `--config`, `--bucket`, `--prefix` and `--json`. */
export function withArchiveOptions(command: Command): Command {
  return command
    .option(
      '--config <file|json>',
      'the configuration that names the bucket (or MAILSLUICE_CONFIG)',
    )
    .option('--bucket <name>', 'the bucket of the mail, instead of the configured one')
    .option('--prefix <prefix>', 'in front of dt=…, as mail/; may be given again', collect)
    .option('--json', 'print JSON for a program to read');
}

/** For an option that may be given again. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Ends the command with one line on stderr: exit code 2 for wrong use, 1 for anything else. */
export function fail(command: Command, exitCode: 1 | 2, line: string): never {
  command.error(`mailsluice archive ${command.name()}: ${line}`, {
    exitCode,
    code: exitCode === 2 ? 'mailsluice.usage' : 'mailsluice.failed',
  });
}

/** Runs `action` on the archive, turns what AWS says into one line, and lets the client go. */
export async function withArchive(
  context: ArchiveCliContext,
  command: Command,
  options: ArchiveOptions,
  action: (archive: OpenedArchive) => Promise<void>,
): Promise<void> {
  const archive = await context.openArchive(options);
  try {
    await action(archive);
  } catch (error) {
    if (error instanceof CommanderError) throw error;
    fail(command, 1, failureLine(error, archive.bucket));
  } finally {
    archive.s3.destroy();
  }
}

/** One line. @throws the error itself where nobody foresaw it. */
export function failureLine(error: unknown, bucket: string): string {
  if (error instanceof MailNotFoundError || error instanceof ReplayStateError) return error.message;
  const line = bucketErrorLine(error, bucket) ?? fileErrorLine(error);
  if (line === undefined) throw error;
  return line;
}

function fileErrorLine(error: unknown): string | undefined {
  const { syscall, path } = Object(error) as {
    readonly syscall?: unknown;
    readonly path?: unknown;
  };
  if (error instanceof Error && typeof syscall === 'string' && typeof path === 'string') {
    return error.message;
  }
  return undefined;
}
