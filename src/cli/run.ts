import { Command, CommanderError } from 'commander';
import { ConfigurationError } from '../config/index.ts';
import { archiveCommand } from './archive/index.ts';
import { archiveContext } from './frame/archive-context.ts';
import { configCommand } from './config.ts';
import { credentialsCommand } from './credentials/index.ts';
import { credentialsContext } from './frame/credentials-context.ts';
import { UsageError } from '../app/operator-error.ts';
import { localCommand } from './local.ts';
import { outboxCommand } from './outbox.ts';
import { serveCommand } from './serve.ts';
import { version } from './frame/version.ts';

/**
 * Runs one command line and returns its exit code: 0 done, 1 failed, 2 used wrongly. Whatever fails is one
 * clear line for each mistake on standard error, and never a stack trace.
 */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('mailsluice')
    .description('SMTP in; S3 and SNS out')
    .version(version, '--version')
    .helpOption('--help')
    .exitOverride()
    .addCommand(serveCommand())
    .addCommand(localCommand())
    .addCommand(outboxCommand())
    .addCommand(configCommand());
  // Commander passes these on only to commands that it makes itself.
  for (const command of everyCommand(program)) {
    command.exitOverride().helpOption('--help').showHelpAfterError('(see --help)');
  }
  program.addCommand(credentialsCommand(credentialsContext));
  program.addCommand(archiveCommand(archiveContext));
  try {
    await program.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return report(error);
  }
}

function* everyCommand(command: Command): Iterable<Command> {
  yield command;
  for (const child of command.commands) yield* everyCommand(child);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // It was said already. Help and version are no failures; commander's own code for wrong use is 1.
    if (error.exitCode === 0) return 0;
    return error.code.startsWith('commander.') ? 2 : error.exitCode;
  }
  const text = error instanceof Error ? error.message : String(error);
  for (const line of text.split('\n')) process.stderr.write(`mailsluice: ${line}\n`);
  return error instanceof UsageError || error instanceof ConfigurationError ? 2 : 1;
}
