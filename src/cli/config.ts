import { Command } from 'commander';
import { configurationJsonSchema, parseConfiguration } from '../config/index.ts';
import { readConfigurationSource } from './frame/configuration-source.ts';
import { UsageError } from '../app/operator-error.ts';
import { refuseNotYetAvailable } from '../app/not-yet-available.ts';

export function configCommand(): Command {
  const command = new Command('config').description('Look at a configuration');
  command
    .command('check')
    .description('Say what is wrong with a configuration, all of it at once')
    .option('--config <file|json>', 'the configuration; default: MAILSLUICE_CONFIG')
    .option('--json', 'print the configuration with every default filled in')
    .action(async ({ config, json }: { config?: string; json?: true }) => {
      const source = await readConfigurationSource(config);
      if (source === undefined) {
        throw new UsageError(
          'config check: expected --config FILE, --config JSON or MAILSLUICE_CONFIG, got none of them',
        );
      }
      const configuration = parseConfiguration(source.document);
      refuseNotYetAvailable(configuration);
      process.stdout.write(
        json ? `${JSON.stringify(configuration, null, 2)}\n` : `${source.name}: valid\n`,
      );
    });
  command
    .command('schema')
    .description('Print the JSON Schema of the configuration')
    .action(() => {
      process.stdout.write(`${JSON.stringify(configurationJsonSchema(), null, 2)}\n`);
    });
  return command;
}
