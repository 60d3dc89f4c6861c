// What every command of this folder shares: its options, its table, and how it fails.
import { type Command, CommanderError } from 'commander';
import { CredentialAdministration, CredentialNameError } from '../../credentials/index.ts';
import { tableErrorLine } from './table-error-line.ts';
import type { CredentialsCliContext } from './context.ts';

export interface TableOptions {
  readonly config?: string;
  readonly table?: string;
  readonly json?: true;
}

/** Adds `--config`, `--table` and `--json`. */
export function withTableOptions(command: Command): Command {
  return command
    .option('--config <file|json>', 'the configuration that names the table (or MAILSLUICE_CONFIG)')
    .option('--table <name>', 'the credential table, instead of the configured one')
    .option('--json', 'print JSON for a program to read');
}

/** Ends the command with one line on stderr: exit code 2 for wrong use, 1 for anything else. */
export function fail(command: Command, exitCode: 1 | 2, line: string): never {
  command.error(`mailsluice credentials ${command.name()}: ${line}`, {
    exitCode,
    code: exitCode === 2 ? 'mailsluice.usage' : 'mailsluice.failed',
  });
}

/** Runs `action` on the table, turns what AWS says into one line, and lets the client go. */
export async function withTable(
  context: CredentialsCliContext,
  command: Command,
  { config, table }: TableOptions,
  action: (administration: CredentialAdministration) => Promise<void>,
): Promise<void> {
  const opened = await context.openTable({
    ...(config !== undefined && { config }),
    ...(table !== undefined && { table }),
  });
  try {
    await action(new CredentialAdministration(opened.client, opened.table));
  } catch (error) {
    if (error instanceof CommanderError) throw error;
    if (error instanceof CredentialNameError) fail(command, 1, error.message);
    const line = tableErrorLine(error, opened.table);
    if (line === undefined) throw error;
    fail(command, 1, line);
  } finally {
    opened.client.destroy();
  }
}
