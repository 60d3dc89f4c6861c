import { Command } from 'commander';
import {
  commandDestination,
  type Destination,
  findMail,
  functionDestination,
  needsRecords,
  newReplayMark,
  queueDestination,
  replay,
  type ReplayMark,
  type ReplayOutcome,
  ReplayState,
  type SelectedMail,
  type Selection,
  selectMail,
  topicDestination,
} from '../../archive/index.ts';
import { OperatorError, UsageError } from '../../app/operator-error.ts';
import { bucketErrorLine } from '../frame/bucket-error-line.ts';
import type { CliContext } from '../frame/context.ts';
import { messageOf } from '../frame/fail.ts';
import { type ArchiveOptions, withArchiveOptions } from '../frame/options.ts';
import { type OpenedArchive, withArchive } from '../frame/with-target.ts';
import { mailLine, mailObject } from './mail-line.ts';
import { createOutput, renderCount } from './output.ts';
import { createProgress } from './progress.ts';
import {
  readCount,
  readSelection,
  type SelectionOptions,
  withSelectionOptions,
} from './selection-options.ts';

interface ReplayCliOptions extends ArchiveOptions, SelectionOptions {
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
  return withSelectionOptions(withArchiveOptions(new Command('replay')))
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
    .action(async (mails: readonly string[], options: ReplayCliOptions) => {
      await withArchive(context, options, async (archive) => {
        const opened = await openDestination(context, archive, options);
        try {
          await runReplay(context, archive, mails, options, opened.destination);
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
  return { destination: topicDestination(sns, target.topicArn), close: () => sns.destroy() };
}

async function runReplay(
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
  const limit = readCount('--limit', options.limit) ?? Infinity;
  const selection = readSelection(archive, options);
  if (mails.length > 0 && options.state !== undefined) {
    throw new UsageError('--state: expected a selection by options, got single mails');
  }
  if (options.dryRun) {
    await dryRun(context, selected(archive, mails, selection, limit), options, destination);
    return;
  }

  // Mails that arrive meanwhile were announced by themselves, and are no part of a replay.
  const range = { to: selection.to ?? new Date(), ...(selection.from && { from: selection.from }) };
  const fresh = { ...newReplayMark(), ...range };
  const state =
    options.state === undefined
      ? undefined
      : await ReplayState.open(options.state, taskOf(archive, options, destination), fresh);
  const mark: ReplayMark = state?.mark ?? { id: fresh.id, at: fresh.at };
  const tally = new Tally(state?.counts);
  const already = tally.announced + tally.failed;
  const progress = createProgress(context.stderr, 'mail');
  const interrupted = context.interrupted();
  const whole: Selection = { ...selection, ...(state?.range ?? range) };
  const counting = new AbortController();
  if (context.stderr.isTTY && mails.length === 0 && !needsRecords(whole)) {
    void countMails({ ...archive, signal: counting.signal }, whole, state?.after)
      .then((total) => progress.setTotal(Math.min(total, limit - already)))
      .catch(() => undefined);
  }
  let stopped: unknown;
  try {
    await replay(archive, selected(archive, mails, whole, limit - already, state?.after), {
      destination,
      mark,
      concurrency,
      ...(ratePerSecond !== undefined && { ratePerSecond }),
      signal: interrupted,
      onSettled: async (outcome) => {
        tally.add(outcome);
        progress.step();
        await state?.settled(outcome);
      },
    });
  } catch (error) {
    stopped = error;
  } finally {
    counting.abort();
    progress.end();
    await state?.close();
  }
  const isComplete = stopped === undefined && !interrupted.aborted;
  report(context, options, { destination, mark, tally, isComplete, resumed: already > 0 });
  const goOn = options.state === undefined ? '' : '; run the same command again to go on';
  if (stopped !== undefined) {
    const line = bucketErrorLine(stopped, archive.bucket) ?? messageOf(stopped);
    throw new OperatorError(`${line}${goOn}`, { cause: stopped });
  }
  if (interrupted.aborted) throw new OperatorError(`interrupted${goOn}`);
  if (tally.failed > 0) throw new OperatorError(`${renderCount(tally.failed, 'mail')} failed`);
}

async function* selected(
  archive: OpenedArchive,
  mails: readonly string[],
  selection: Selection,
  limit: number,
  after?: ReplayState['after'],
): AsyncGenerator<SelectedMail> {
  let count = 0;
  if (count >= limit) return;
  const all =
    mails.length > 0
      ? findAll(archive, mails)
      : selectMail(archive, selection, { ...(after && { after }) });
  for await (const mail of all) {
    yield mail;
    count += 1;
    if (count >= limit) return;
  }
}

async function* findAll(
  archive: OpenedArchive,
  mails: readonly string[],
): AsyncGenerator<SelectedMail> {
  for (const mail of mails) yield await findMail(archive, archive.prefixes, mail);
}

async function countMails(
  archive: OpenedArchive & { readonly signal: AbortSignal },
  selection: Selection,
  after: ReplayState['after'],
): Promise<number> {
  let count = 0;
  for await (const _ of selectMail(archive, selection, { ...(after && { after }) })) count += 1;
  return count;
}

/** Everything that must be the same for a run to be taken up again, in one text. */
function taskOf(
  { bucket, prefixes }: OpenedArchive,
  options: ReplayCliOptions,
  { name }: Destination,
): string {
  const { from, to, sender, recipientDomain, minSize, maxSize, verdict, limit } = options;
  const selection = { from, to, sender, recipientDomain, minSize, maxSize, verdict, limit };
  return JSON.stringify({ bucket, prefixes, ...selection, destination: name });
}

const FAILURES_KEPT = 1000;
const FAILURES_SHOWN = 20;

class Tally {
  announced: number;
  failed: number;
  /** Of this run, the first of them. */
  readonly failures: { readonly key: string; readonly reason: string }[] = [];

  constructor(before: { readonly announced: number; readonly failed: number } | undefined) {
    this.announced = before?.announced ?? 0;
    this.failed = before?.failed ?? 0;
  }

  add({ mail, failure }: ReplayOutcome): void {
    if (failure === undefined) {
      this.announced += 1;
      return;
    }
    this.failed += 1;
    if (this.failures.length < FAILURES_KEPT) {
      this.failures.push({ key: mail.key, reason: failure });
    }
  }
}

function report(
  { stdout, stderr }: CliContext,
  { json }: ReplayCliOptions,
  result: {
    readonly destination: Destination;
    readonly mark: ReplayMark;
    readonly tally: Tally;
    readonly isComplete: boolean;
    readonly resumed: boolean;
  },
): void {
  const { destination, mark, tally, isComplete, resumed } = result;
  const { announced, failed, failures } = tally;
  if (json) {
    stdout.write(
      `${JSON.stringify({
        replay: mark.id,
        destination: destination.name,
        selected: announced + failed,
        announced,
        failed,
        failures,
        complete: isComplete,
        resumed,
      })}\n`,
    );
    return;
  }
  for (const { key, reason } of failures.slice(0, FAILURES_SHOWN)) {
    stderr.write(`${key}: ${reason}\n`);
  }
  if (failures.length > FAILURES_SHOWN) {
    stderr.write(
      `and ${failures.length - FAILURES_SHOWN} more (--json shows up to ${FAILURES_KEPT})\n`,
    );
  }
  stderr.write(
    `replayed ${renderCount(announced, 'mail')} to ${destination.name}, ${failed} failed (replay ${mark.id})\n`,
  );
}

async function dryRun(
  { stdout, stderr }: CliContext,
  mails: AsyncIterable<SelectedMail>,
  { json }: ReplayCliOptions,
  destination: Destination,
): Promise<void> {
  const output = createOutput(stdout);
  let count = 0;
  for await (const mail of mails) {
    const line = json ? JSON.stringify(mailObject(mail)) : mailLine(mail, stdout.columns);
    await output.write(`${line}\n`);
    count += 1;
    if (output.isClosed) return;
  }
  stderr.write(`would replay ${renderCount(count, 'mail')} to ${destination.name}\n`);
}
