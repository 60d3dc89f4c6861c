import { Command } from 'commander';
import { warnOfSilentResolver } from '../app/check-resolvers.ts';
import {
  configurationJsonSchema,
  configurationWarnings,
  parseConfiguration,
  renderWarning,
} from '../config/index.ts';
import type { CliContext } from './frame/context.ts';
import { type ConfigOptions, type JsonOptions, withConfigOption } from './frame/options.ts';
import { requireConfiguration } from './frame/targets.ts';

export function configCommand(context: CliContext): Command {
  const { stdout, stderr } = context;
  const command = new Command('config').description('check a configuration, or print its schema');
  withConfigOption(command.command('check'))
    .description(
      'report all errors of a configuration together, and what is valid but seldom meant',
    )
    .option('--json', 'print the configuration with every default filled in')
    .action(async (options: ConfigOptions & JsonOptions) => {
      const source = await requireConfiguration(context, options);
      const configuration = parseConfiguration(source.document);
      const warnings = [
        ...configurationWarnings(configuration),
        ...(await warnOfSilentResolver(configuration)),
      ];
      for (const warning of warnings) {
        stderr.write(`mailsluice config check: warning: ${renderWarning(warning)}\n`);
      }
      stdout.write(
        options.json ? `${JSON.stringify(configuration, null, 2)}\n` : `${source.name}: valid\n`,
      );
    });
  command
    .command('schema')
    .description('print the JSON Schema of the configuration')
    .action(() => {
      stdout.write(`${JSON.stringify(configurationJsonSchema(), null, 2)}\n`);
    });
  return command;
}
