import { Command } from 'commander';
import { OperatorError } from '../app/operator-error.ts';
import {
  type BridgeEvent,
  flushOutbox,
  type FlushResult,
  listOutbox,
  type OutboxEntry,
} from '../bridge/index.ts';
import type { CliContext } from './frame/context.ts';
import { type BucketOptions, withBucketOptions } from './frame/options.ts';
import { renderTable } from './frame/text-table.ts';
import { withBucket } from './frame/with-target.ts';
import { printableJson } from '../app/printable.ts';

interface ListOptions extends BucketOptions {
  readonly topic?: string;
}

interface DrainOptions extends ListOptions {
  readonly toTopic?: string;
}

/** `mailsluice outbox`: the notifications that SNS did not accept when their mail arrived. */
export function outboxCommand(context: CliContext): Command {
  const command = new Command('outbox').description(
    'list and publish the notifications that SNS did not accept',
  );
  withBucketOptions(command.command('list'))
    .description('list the notifications that wait, oldest first, and those set aside')
    .option('--topic <arn>', 'only those of this topic')
    .action((options: ListOptions) => list(context, options));
  withBucketOptions(command.command('drain'))
    .description('publish all that waits now; the running service does so by itself')
    .option('--topic <arn>', 'only those of this topic')
    .option('--to-topic <arn>', 'publish to this topic, where the original one is gone')
    .action((options: DrainOptions) => drain(context, options));
  return command;
}

async function list(context: CliContext, options: ListOptions): Promise<void> {
  const { stdout, stderr } = context;
  await withBucket(context, options, async (bucket, { s3 }) => {
    const entries: OutboxEntry[] = [];
    for await (const entry of listOutbox({ s3, bucket, ...topicOf(options) })) entries.push(entry);
    if (options.json) {
      const rows = entries.map(({ isDeadLetter, ...entry }) => ({
        ...entry,
        isPoison: isDeadLetter,
      }));
      stdout.write(`${printableJson(rows)}\n`);
      return;
    }
    if (entries.length === 0) {
      stderr.write(
        options.topic === undefined
          ? 'The outbox is empty.\n'
          : `The outbox has nothing of ${options.topic}.\n`,
      );
      return;
    }
    const rows = entries.map(({ messageId, writtenAt, isDeadLetter }) => [
      messageId,
      writtenAt.toISOString(),
      isDeadLetter ? 'set aside' : 'waiting',
    ]);
    stdout.write(renderTable(['MESSAGE ID', 'SINCE', 'STATE'], rows, stdout.columns));
  });
}

async function drain(context: CliContext, options: DrainOptions): Promise<void> {
  const { stdout, stderr } = context;
  await withBucket(context, options, async (bucket, { s3, sns }) => {
    const observe = (event: BridgeEvent): void => {
      if (options.json) return;
      if (event.kind === 'outbox-published') stdout.write(`published ${event.messageId}\n`);
      if (event.kind === 'outbox-poisoned') stdout.write(`set aside ${event.messageId}\n`);
    };
    const result = await flushOutbox({
      ...{ s3, sns, bucket, observe },
      ...topicOf(options),
      ...(options.toTopic !== undefined && { toTopicArn: options.toTopic }),
      onWait: () => {
        stderr.write('A running service is publishing the outbox; waiting for it …\n');
      },
    });
    stdout.write(options.json ? `${printableJson(jsonOf(result))}\n` : renderResult(result));
    const { failure, isBusy } = result;
    if (failure !== undefined) {
      throw new OperatorError(
        `stopped before the end: ${failure.service} answered ${failure.code}: ${failure.message}`,
      );
    }
    if (isBusy) {
      throw new OperatorError('a running service is still publishing the outbox; try again later');
    }
  });
}

function topicOf({ topic }: ListOptions): { readonly topicArn?: string } {
  return topic === undefined ? {} : { topicArn: topic };
}

function jsonOf({ published, deadLetters, refused, skipped }: FlushResult): object {
  return {
    published,
    setAside: deadLetters,
    refused,
    skipped: skipped.map(({ reason, topicArn, markers, failure }) => ({
      reason,
      ...(topicArn !== undefined && { topic: topicArn }),
      markers,
      code: failure.code,
    })),
  };
}

/** What is left in the outbox, by its reason, then the counts. */
function renderResult({ published, deadLetters, refused, skipped }: FlushResult): string {
  const lines = skipped.map(({ reason, topicArn = '', markers, failure }) => {
    if (reason === 'topic') {
      return `left ${markers} of topic ${topicArn}: ${failure.code}: ${failure.message}\n`;
    }
    const what = reason === 'object' ? 'that cannot be read or deleted' : 'of another release';
    return `left ${markers} ${what}: ${failure.code}\n`;
  });
  return `${lines.join('')}${published} published, ${refused} refused for now, ${deadLetters} set aside\n`;
}
