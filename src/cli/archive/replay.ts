import { Command } from 'commander';
import {
  commandDestination,
  type Destination,
  functionDestination,
  queueDestination,
  type ReplayResult,
  type MailScope,
  runReplay,
  selectScope,
  topicDestination,
} from '../../archive/index.ts';
import { OperatorError, UsageError } from '../../app/operator-error.ts';
import { bucketErrorLine } from '../frame/bucket-error-line.ts';
import type { CliContext } from '../frame/context.ts';
import { messageOf } from '../frame/fail.ts';
import { type ArchiveOptions, withArchiveOptions } from '../frame/options.ts';
import type { OpenedArchive } from '../frame/with-target.ts';
import { mailLine, mailObject } from './mail-line.ts';
import { createOutput, renderCount } from './output.ts';
import { createProgress } from './progress.ts';
import {
  criteriaOf,
  readCount,
  readMails,
  readSelection,
  type SelectionOptions,
  withSelectionOptions,
} from './selection-options.ts';
import {
  type RestoreCliOptions,
  withReadableArchive,
  withRestoreOptions,
} from './restore-options.ts';
import { createUnreadableReport } from './unreadable-report.ts';
import { printable, printableJson } from '../../app/printable.ts';

interface ReplayCliOptions extends ArchiveOptions, SelectionOptions, RestoreCliOptions {
  readonly topic?: string;
  readonly queue?: string;
  readonly raw?: true;
  readonly function?: string;
  readonly command?: string;
  readonly input?: string;
  readonly concurrency?: string;
  readonly rate?: string;
  readonly state?: string;
  readonly dryRun?: true;
}

export function replayCommand(context: CliContext): Command {
  return withSelectionOptions(withRestoreOptions(withArchiveOptions(new Command('replay'))))
    .description('announce stored mail again, marked as a replay')
    .argument('[mail...]', 'messageIds or keys; without them, what the options select')
    .option('--topic <arn>', 'to this topic, instead of the configured one')
    .option('--queue <url>', 'only to this SQS queue')
    .option('--raw', 'to the queue without the SNS envelope, as with raw message delivery')
    .option('--function <name>', 'only to this Lambda function')
    .option(
      '--command <shell>',
      'only to the standard input of a local command, run once for each mail',
    )
    .option('--input <what>', 'what the command reads: mail or notification', 'mail')
    .option('--concurrency <n>', 'deliveries at once; default: 10, for a command 1')
    .option('--rate <n>', 'deliveries a second at most')
    .option('--state <file>', 'record the progress in this file, and resume from it')
    .option('--dry-run', 'list the mails that would be replayed')
    .action(async (named: readonly string[], options: ReplayCliOptions) => {
      const mails = readMails(named, options);
      await withReadableArchive(context, options, async (archive) => {
        const opened = await openDestination(context, archive, options);
        try {
          await runCommand(context, archive, mails, options, opened.destination);
        } finally {
          opened.close();
        }
      });
    });
}

interface OpenedDestination {
  readonly destination: Destination;
  close(): void;
}

async function openDestination(
  context: CliContext,
  archive: OpenedArchive,
  options: ReplayCliOptions,
): Promise<OpenedDestination> {
  const { topic, queue, raw = false, function: functionName, command: shell, input } = options;
  const given = [topic, queue, functionName, shell].filter((each) => each !== undefined);
  if (given.length > 1) {
    throw new UsageError('expected one of --topic, --queue, --function and --command, got more');
  }
  if (shell !== undefined) {
    if (input !== 'mail' && input !== 'notification') {
      throw new UsageError(`--input: expected mail or notification, got "${input}"`);
    }
    return { destination: commandDestination(shell, { input }), close: () => undefined };
  }
  if (queue !== undefined) {
    const sqs = context.clients.sqs();
    return { destination: queueDestination(sqs, queue, { raw }), close: () => sqs.destroy() };
  }
  if (functionName !== undefined) {
    const lambda = context.clients.lambda();
    return {
      destination: functionDestination(lambda, functionName),
      close: () => lambda.destroy(),
    };
  }
  const target = topic === undefined ? archive.topic : { topicArn: topic };
  if (target === undefined) {
    throw new UsageError(
      'expected --topic, --queue, --function, --command, or notify.topicArn in the configuration, got none of them',
    );
  }
  const sns = context.clients.sns(target.endpoint);
  // What was set aside is not announced to ordinary subscribers unless somebody says so.
  const destination = topicDestination(sns, target.topicArn, {
    keepsQuarantine: topic === undefined,
  });
  return { destination, close: () => sns.destroy() };
}

async function runCommand(
  context: CliContext,
  archive: OpenedArchive,
  mails: readonly string[],
  options: ReplayCliOptions,
  destination: Destination,
): Promise<void> {
  const concurrency =
    readCount('--concurrency', options.concurrency, 256) ??
    (options.command === undefined ? 10 : 1);
  const ratePerSecond = readCount('--rate', options.rate);
  const limit = readCount('--limit', options.limit);
  const scope: MailScope = { mails, selection: readSelection(archive, options), limit };
  if (mails.length > 0 && options.state !== undefined) {
    throw new UsageError('--state: expected a selection by options, got single mails');
  }
  if (options.dryRun) {
    await dryRun(context, archive, scope, options, destination);
    return;
  }

  using progress = createProgress(context.stderr, 'mail');
  const interrupted = context.interrupted();
  const result = await runReplay(archive, {
    ...scope,
    destination,
    concurrency,
    ...(ratePerSecond !== undefined && { ratePerSecond }),
    ...(options.state !== undefined && {
      state: { file: options.state, task: taskOf(archive, options, destination) },
    }),
    signal: interrupted,
    onMail: (key, failure) => {
      if (failure !== undefined && !options.json) {
        progress.hide();
        context.stderr.write(`${printable(key)}: ${printable(failure)}\n`);
      }
      progress.step();
    },
    ...(context.stderr.isTTY && { onTotal: (total) => progress.setTotal(total) }),
  });
  progress.hide();
  await report(context, options, destination, result);
  const { stoppedBy, failed } = result;
  const goOn = options.state === undefined ? '' : '; run the same command again to go on';
  if (stoppedBy !== undefined) {
    const line = bucketErrorLine(stoppedBy, archive.bucket) ?? messageOf(stoppedBy);
    throw new OperatorError(`${line}${goOn}`, { cause: stoppedBy });
  }
  if (interrupted.aborted) throw new OperatorError(`interrupted${goOn}`);
  if (failed > 0) throw new OperatorError(`${renderCount(failed, 'mail')} failed`);
}

/** Everything that must be the same for a run to be taken up again, in one text. */
function taskOf(
  { bucket, prefixes }: OpenedArchive,
  options: ReplayCliOptions,
  { name }: Destination,
): string {
  // In this order, so that the state files of earlier releases go on.
  const { from, to, sender, recipientDomain, minSize, maxSize, verdict, limit, ...others } =
    criteriaOf(options);
  const early = { from, to, sender, recipientDomain, minSize, maxSize, verdict, limit };
  const selection = { ...early, ...others };
  return JSON.stringify({ bucket, prefixes, ...selection, destination: name });
}

async function report(
  { stdout, stderr }: CliContext,
  { json }: ReplayCliOptions,
  destination: Destination,
  { mark, announced, failed, failures, isComplete, isResumed }: ReplayResult,
): Promise<void> {
  if (json) {
    const output = createOutput(stdout);
    await output.write(
      `${printableJson({
        replay: mark.id,
        destination: destination.name,
        selected: announced + failed,
        announced,
        failed,
        failures,
        complete: isComplete,
        resumed: isResumed,
      })}\n`,
    );
    await output.end();
    return;
  }
  stderr.write(
    `replayed ${renderCount(announced, 'mail')} to ${destination.name}, ${failed} failed (replay ${mark.id})\n`,
  );
}

async function dryRun(
  context: CliContext,
  archive: OpenedArchive,
  scope: MailScope,
  { json }: ReplayCliOptions,
  destination: Destination,
): Promise<void> {
  const { stdout, stderr } = context;
  const output = createOutput(stdout);
  using progress = createProgress(stderr, 'mail');
  const unreadable = createUnreadableReport(context, { beforeLine: () => progress.hide() });
  let count = 0;
  for await (const mail of selectScope(archive, scope)) {
    progress.step();
    if (mail.unreadable !== undefined) {
      unreadable.add(mail.unreadable);
      continue;
    }
    progress.hide();
    const line = json ? printableJson(mailObject(mail)) : mailLine(mail, stdout.columns);
    await output.write(`${line}\n`);
    count += 1;
  }
  await output.end();
  progress.hide();
  stderr.write(`would replay ${renderCount(count, 'mail')} to ${destination.name}\n`);
  unreadable.finish();
}
