import { Command } from 'commander';
import { renderMail, renderReady } from '../app/local/render.ts';
import { startLocal } from '../app/local/start-local.ts';
import { shutDownOnSignal } from '../app/shutdown.ts';
import { readConfigurationSource } from './frame/configuration-source.ts';
import type { CliContext } from './frame/context.ts';
import { type ConfigOptions, type JsonOptions, withConfigOption } from './frame/options.ts';
import { version } from './frame/version.ts';
import { printableJson } from '../app/printable.ts';

export function localCommand(context: CliContext): Command {
  const { stdout, environment } = context;
  return withConfigOption(new Command('local'), 'changes to the defaults')
    .description('run everything on this machine, with S3, SNS, SQS and DynamoDB embedded')
    .option('--json', 'print one JSON object a line: the addresses first, then each mail')
    .action(async ({ config, json }: ConfigOptions & JsonOptions) => {
      const source = await readConfigurationSource(config, environment);
      await using local = await startLocal({
        document: source?.document ?? {},
        folder: source?.folder ?? process.cwd(),
        version,
        onMailStored: (mail) =>
          stdout.write(
            json ? `${printableJson({ event: 'mail', ...mail })}\n` : `${renderMail(mail)}\n`,
          ),
      });
      stdout.write(json ? `${printableJson(local.ready)}\n` : `${renderReady(local.ready)}\n`);
      process.exitCode = await shutDownOnSignal(local.app, local.shutdown);
    });
}
