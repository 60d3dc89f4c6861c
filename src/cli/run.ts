import { Command } from 'commander';
import { trustCaBundle } from '../app/ca-bundle.ts';
import { archiveCommand } from './archive/index.ts';
import { configCommand } from './config.ts';
import { credentialsCommand } from './credentials/index.ts';
import { doctorCommand } from './doctor/index.ts';
import { type CliContext, processContext } from './frame/context.ts';
import { report } from './frame/fail.ts';
import { useStreams } from './frame/streams.ts';
import { version } from './frame/version.ts';
import { localCommand } from './local.ts';
import { outboxCommand } from './outbox.ts';
import { serveCommand } from './serve.ts';

/** The command `mailsluice` with all its commands. */
export function program(context: CliContext): Command {
  const command = new Command('mailsluice')
    .description('SMTP in; S3 and SNS out')
    .version(version, '--version')
    .addCommand(serveCommand(context))
    .addCommand(localCommand(context))
    .addCommand(credentialsCommand(context))
    .addCommand(archiveCommand(context))
    .addCommand(outboxCommand(context))
    .addCommand(configCommand(context))
    .addCommand(doctorCommand(context));
  useStreams(context, command);
  return command;
}

/** Runs one command line and returns its exit code. */
export async function run(
  args: readonly string[],
  context: CliContext = processContext,
): Promise<number> {
  const all = program(context);
  let running = all;
  all.hook('preAction', (_, action) => {
    running = action;
    trustCaBundle(context.environment['AWS_CA_BUNDLE']);
  });
  try {
    await all.parseAsync(args, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return report(error, running, context.stderr);
  }
}
