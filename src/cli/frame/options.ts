// The options that commands share.
import type { Command } from 'commander';

export interface ConfigOptions {
  readonly config?: string;
}

export interface JsonOptions {
  readonly json?: true;
}

export interface BucketOptions extends ConfigOptions, JsonOptions {
  readonly bucket?: string;
}

export interface ArchiveOptions extends BucketOptions {
  readonly prefix?: readonly string[];
}

export interface TableOptions extends ConfigOptions, JsonOptions {
  readonly table?: string;
}

export function withConfigOption(command: Command, purpose = 'the configuration'): Command {
  return command.option('--config <file|json>', `${purpose}; default: MAILSLUICE_CONFIG`);
}

export function withBucketOptions(command: Command): Command {
  return withJsonOption(
    withConfigOption(command, 'the configuration that names the bucket').option(
      '--bucket <name>',
      'the bucket of the mail, instead of the configured one',
    ),
  );
}

export function withArchiveOptions(command: Command): Command {
  return withBucketOptions(command).option(
    '--prefix <prefix>',
    'the key prefix, instead of the configured ones, for example mail/ (repeatable)',
    collect,
  );
}

export function withTableOptions(command: Command): Command {
  return withJsonOption(
    withConfigOption(command, 'the configuration that names the table').option(
      '--table <name>',
      'the credential table, instead of the configured one',
    ),
  );
}

/** Collects the values of a repeatable option. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function withJsonOption(command: Command): Command {
  return command.option('--json', 'print JSON for a program to read');
}
