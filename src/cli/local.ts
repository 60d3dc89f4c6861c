import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { renderHandlerEvent, renderMail, renderReady } from '../app/local/render.ts';
import { startLocal } from '../app/local/start-local.ts';
import { UsageError } from '../app/operator-error.ts';
import { shutDownOnSignal } from '../app/shutdown.ts';
import { parseDuration } from '../config/units.ts';
import { readConfigurationSource } from './frame/configuration-source.ts';
import type { CliContext } from './frame/context.ts';
import { type ConfigOptions, type JsonOptions, withConfigOption } from './frame/options.ts';
import { version } from './frame/version.ts';
import { printableJson } from '../app/printable.ts';

interface LocalOptions extends ConfigOptions, JsonOptions {
  readonly handler?: string;
  /** Seconds. */
  readonly timeout: number;
  readonly attempts: number;
  /** Seconds. */
  readonly retry: number;
  readonly persist?: string;
}

export function localCommand(context: CliContext): Command {
  const { stdout, environment } = context;
  return withConfigOption(new Command('local'), 'changes to the defaults')
    .description('run everything on this machine, with S3, SNS, SQS and DynamoDB embedded')
    .option('--json', 'print one JSON object a line: the addresses first, then each mail')
    .option(
      '--handler <file>',
      'call the Lambda handler in this module for each mail, as AWS would through a queue',
    )
    .option('--timeout <time>', 'how long the handler may run', parseTime, 30)
    .option('--attempts <n>', 'deliveries before the dead-letter queue', parseAttempts, 3)
    .option('--retry <time>', 'how long a failed mail waits for the next attempt', parseTime, 5)
    .option(
      '--persist <folder>',
      'keep mails, queues and credentials in this folder for the next start',
    )
    .action(async (options: LocalOptions) => {
      const { config, json } = options;
      const handler = options.handler === undefined ? undefined : requireFile(options.handler);
      const source = await readConfigurationSource(config, environment);
      await using local = await startLocal({
        document: source?.document ?? {},
        folder: source?.folder ?? process.cwd(),
        version,
        ...(options.persist !== undefined && { persistFolder: resolve(options.persist) }),
        onMailStored: (mail) =>
          stdout.write(
            json ? `${printableJson({ event: 'mail', ...mail })}\n` : `${renderMail(mail)}\n`,
          ),
        ...(handler !== undefined && {
          handler: {
            file: handler,
            timeoutSeconds: options.timeout,
            attempts: options.attempts,
            retrySeconds: options.retry,
            onEvent: (event) =>
              stdout.write(
                json ? `${printableJson(event)}\n` : `${renderHandlerEvent(event, new Date())}\n`,
              ),
          },
        }),
      });
      stdout.write(json ? `${printableJson(local.ready)}\n` : `${renderReady(local.ready)}\n`);
      process.exitCode = await shutDownOnSignal(local.app, local.shutdown);
    });
}

function requireFile(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return resolve(path);
  throw new UsageError(`--handler: expected a file, found none at ${path}`);
}

/** Of a Lambda function, and of what makes sense between two attempts. */
const MAX_SECONDS = 900;

function parseTime(text: string): number {
  const seconds = parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  if (seconds !== undefined && seconds >= 1 && seconds <= MAX_SECONDS) return seconds;
  throw new InvalidArgumentError('expected a time from 1s to 15m');
}

/** Of a redrive policy. */
const MAX_ATTEMPTS = 1000;

function parseAttempts(text: string): number {
  const attempts = Number(text);
  if (Number.isInteger(attempts) && attempts >= 1 && attempts <= MAX_ATTEMPTS) return attempts;
  throw new InvalidArgumentError(`expected a number from 1 to ${MAX_ATTEMPTS}`);
}
