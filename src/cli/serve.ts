import { Command } from 'commander';
import { startApp } from '../app/start.ts';
import { parseConfiguration } from '../config/index.ts';
import { readConfigurationSource } from './frame/configuration-source.ts';
import { UsageError } from '../app/operator-error.ts';
import { refuseNotYetAvailable } from '../app/not-yet-available.ts';
import { shutDownOnSignal } from '../app/shutdown.ts';

export function serveCommand(): Command {
  return new Command('serve')
    .description('Serve mail in production: SMTP in, S3 and SNS out')
    .option('--config <file|json>', 'the configuration; default: MAILSLUICE_CONFIG')
    .action(async ({ config }: { config?: string }) => {
      const source = await readConfigurationSource(config);
      if (source === undefined) {
        throw new UsageError(
          'serve: expected --config FILE, --config JSON or MAILSLUICE_CONFIG, got none of them',
        );
      }
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
