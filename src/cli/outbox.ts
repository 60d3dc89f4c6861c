import { Command } from 'commander';
import { OperatorError } from '../app/operator-error.ts';
import { type BridgeEvent, flushOutbox, listOutbox, type OutboxEntry } from '../bridge/index.ts';
import type { CliContext } from './frame/context.ts';
import { type BucketOptions, withBucketOptions } from './frame/options.ts';
import { renderTable } from './frame/text-table.ts';
import { withBucket } from './frame/with-target.ts';

interface DrainOptions extends BucketOptions {
  readonly topic?: string;
}

/** `mailsluice outbox`: the notifications that SNS did not accept when their mail arrived. */
export function outboxCommand(context: CliContext): Command {
  const command = new Command('outbox').description(
    'list and publish the notifications that SNS did not accept',
  );
  withBucketOptions(command.command('list'))
    .description('list the notifications that wait, oldest first, and those set aside')
    .action((options: BucketOptions) => list(context, options));
  withBucketOptions(command.command('drain'))
    .description('publish all that waits now; the running service does so by itself')
    .option('--topic <arn>', 'publish to this topic, where the original one is gone')
    .action((options: DrainOptions) => drain(context, options));
  return command;
}

async function list(context: CliContext, options: BucketOptions): Promise<void> {
  const { stdout, stderr } = context;
  await withBucket(context, options, async (bucket, { s3 }) => {
    const entries: OutboxEntry[] = [];
    for await (const entry of listOutbox({ s3, bucket })) entries.push(entry);
    if (options.json) {
      const rows = entries.map(({ isDeadLetter, ...entry }) => ({
        ...entry,
        isPoison: isDeadLetter,
      }));
      stdout.write(`${JSON.stringify(rows)}\n`);
      return;
    }
    if (entries.length === 0) {
      stderr.write('The outbox is empty.\n');
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
  const { stdout } = context;
  await withBucket(context, options, async (bucket, { s3, sns }) => {
    const observe = (event: BridgeEvent): void => {
      if (options.json) return;
      if (event.kind === 'outbox-published') stdout.write(`published ${event.messageId}\n`);
      if (event.kind === 'outbox-poisoned') stdout.write(`set aside ${event.messageId}\n`);
    };
    const { published, deadLetters, refused, failure } = await flushOutbox({
      s3,
      sns,
      bucket,
      observe,
      ...(options.topic !== undefined && { topicArn: options.topic }),
    });
    const done = { published, setAside: deadLetters, refused };
    stdout.write(
      options.json
        ? `${JSON.stringify(done)}\n`
        : `${published} published, ${refused} refused for now, ${deadLetters} set aside\n`,
    );
    if (failure !== undefined) {
      throw new OperatorError(
        `stopped before the end: ${failure.service} answered ${failure.code}: ${failure.message}`,
      );
    }
  });
}
