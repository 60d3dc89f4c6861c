import { Command } from 'commander';
import {
  type BridgeEvent,
  createBridgeClients,
  drainOutboxOf,
  listOutboxOf,
  type OutboxEntry,
} from '../bridge/index.ts';
import { parseSection } from '../config/index.ts';
import { bucketErrorLine } from './frame/bucket-error-line.ts';
import { readConfigurationSource } from './frame/configuration-source.ts';
import { OperatorError } from '../app/operator-error.ts';
import { renderTable } from './frame/text-table.ts';

interface OutboxOptions {
  readonly config?: string;
  readonly bucket?: string;
  readonly json?: true;
}

interface DrainOptions extends OutboxOptions {
  readonly topic?: string;
}

/** What `mailsluice local` makes, and what a configuration without `store` means. */
const DEFAULT_BUCKET = 'mailsluice-mail';

/** `mailsluice outbox`: the notifications that SNS would not take when their mail came. */
export function outboxCommand(): Command {
  const command = new Command('outbox').description(
    'look at and publish the notifications that SNS would not take',
  );
  const add = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .option(
        '--config <file|json>',
        'the configuration that names the bucket (or MAILSLUICE_CONFIG)',
      )
      .option('--bucket <name>', 'the bucket of the mail, instead of the configured one')
      .option('--json', 'print JSON for a program to read');
  add('list', 'list what waits, oldest first, and what was set aside').action(list);
  add('drain', 'publish all that waits now; the running service does so by itself')
    .option('--topic <arn>', 'publish to this topic, when the one it was meant for is gone')
    .action(drain);
  return command;
}

async function list(options: OutboxOptions): Promise<void> {
  await withBucket(options, async ({ s3 }, bucket) => {
    const entries: OutboxEntry[] = [];
    for await (const entry of listOutboxOf({ s3, bucket })) entries.push(entry);
    if (options.json) {
      process.stdout.write(`${JSON.stringify(entries)}\n`);
      return;
    }
    if (entries.length === 0) {
      process.stderr.write('The outbox is empty.\n');
      return;
    }
    const rows = entries.map(({ messageId, writtenAt, isPoison }) => [
      messageId,
      writtenAt.toISOString(),
      isPoison ? 'set aside' : 'waiting',
    ]);
    process.stdout.write(
      renderTable(['MESSAGE ID', 'SINCE', 'STATE'], rows, process.stdout.columns),
    );
  });
}

async function drain(options: DrainOptions): Promise<void> {
  await withBucket(options, async ({ s3, sns }, bucket) => {
    const observe = (event: BridgeEvent): void => {
      if (options.json) return;
      if (event.kind === 'outbox-published') process.stdout.write(`published ${event.messageId}\n`);
      if (event.kind === 'outbox-poisoned') process.stdout.write(`set aside ${event.messageId}\n`);
    };
    const { published, poisoned, refused, failure } = await drainOutboxOf({
      s3,
      sns,
      bucket,
      observe,
      ...(options.topic !== undefined && { topicArn: options.topic }),
    });
    const done = { published, setAside: poisoned, refused };
    process.stdout.write(
      options.json
        ? `${JSON.stringify(done)}\n`
        : `${published} published, ${refused} refused for now, ${poisoned} set aside\n`,
    );
    if (failure !== undefined) {
      throw new OperatorError(
        `outbox drain: stopped before the end: ${failure.service} said ${failure.code}: ${failure.message}`,
      );
    }
  });
}

async function withBucket(
  { config, bucket }: OutboxOptions,
  action: (clients: ReturnType<typeof createBridgeClients>, bucket: string) => Promise<void>,
): Promise<void> {
  const source = bucket === undefined ? await readConfigurationSource(config) : undefined;
  const named = bucket ?? storeOf(source?.document)?.bucket ?? DEFAULT_BUCKET;
  using clients = createBridgeClients();
  try {
    await action(clients, named);
  } catch (error) {
    const line = bucketErrorLine(error, named);
    if (line === undefined) throw error;
    throw new OperatorError(`outbox: ${line}`);
  }
}

/** The small document of `mailsluice local` may do without the section. */
function storeOf(document: unknown): { readonly bucket: string } | undefined {
  if (typeof document === 'object' && document !== null && !('store' in document)) return undefined;
  return parseSection(document, 'store');
}
