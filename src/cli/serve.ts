import { Command } from 'commander';
import { UsageError } from '../app/operator-error.ts';
import { shutDownOnSignal } from '../app/shutdown.ts';
import { startApp } from '../app/start.ts';
import { parseConfiguration } from '../config/index.ts';
import type { CliContext } from './frame/context.ts';
import { type ConfigOptions, withConfigOption } from './frame/options.ts';
import { requireConfiguration } from './frame/targets.ts';

interface ServeOptions extends ConfigOptions {
  readonly healthHost?: string;
}

export function serveCommand(context: CliContext): Command {
  return withConfigOption(new Command('serve'))
    .description('serve mail in production: SMTP in, S3 and SNS out')
    .option(
      '--health-host <host>',
      'where the health server listens, if the configuration has no health.host; default: 127.0.0.1',
    )
    .action(async ({ healthHost, ...options }: ServeOptions) => {
      const source = await requireConfiguration(context, options);
      const configuration = parseConfiguration(withHealthHost(source.document, healthHost));
      if (configuration.local !== undefined) {
        throw new UsageError(
          'local: expected no such section, which only "mailsluice local" reads',
        );
      }
      const app = await startApp({ configuration, folder: source.folder });
      process.exitCode = await shutDownOnSignal(app, configuration.shutdown);
    });
}

/** The document with `health.host`, where it has none. What is no document is left for the parser to refuse. */
function withHealthHost(document: unknown, host: string | undefined): unknown {
  if (host === undefined || !isObject(document)) return document;
  const { health = {} } = document;
  return isObject(health) ? { ...document, health: { host, ...health } } : document;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
