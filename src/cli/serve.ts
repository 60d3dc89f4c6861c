import { Command } from 'commander';
import { refuseNotYetAvailable } from '../app/not-yet-available.ts';
import { UsageError } from '../app/operator-error.ts';
import { shutDownOnSignal } from '../app/shutdown.ts';
import { startApp } from '../app/start.ts';
import { parseConfiguration } from '../config/index.ts';
import type { CliContext } from './frame/context.ts';
import { type ConfigOptions, withConfigOption } from './frame/options.ts';
import { requireConfiguration } from './frame/targets.ts';

export function serveCommand(context: CliContext): Command {
  return withConfigOption(new Command('serve'))
    .description('serve mail in production: SMTP in, S3 and SNS out')
    .action(async (options: ConfigOptions) => {
      const source = await requireConfiguration(context, options);
      const configuration = parseConfiguration(source.document);
      refuseNotYetAvailable(configuration);
      if (configuration.local !== undefined) {
        throw new UsageError(
          'local: expected no such section, which only "mailsluice local" reads',
        );
      }
      const app = await startApp({ configuration, folder: source.folder });
      process.exitCode = await shutDownOnSignal(app, configuration.shutdown);
    });
}
