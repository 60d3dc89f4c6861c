import { Command } from 'commander';
import { findMail, MailNotFoundError, selectMail } from '../../archive/index.ts';
import { type VerifyFault, type VerifyOutcome, verifyMails } from '../../archive/verify-mail.ts';
import { OperatorError } from '../../app/operator-error.ts';
import { printable, printableJson } from '../../app/printable.ts';
import type { CliContext } from '../frame/context.ts';
import { type ArchiveOptions, withArchiveOptions } from '../frame/options.ts';
import { type OpenedArchive, withArchive } from '../frame/with-target.ts';
import { createOutput, renderCount, renderSize } from './output.ts';
import { createProgress } from './progress.ts';
import {
  readCount,
  readSelection,
  type SelectionOptions,
  withSelectionOptions,
} from './selection-options.ts';

interface VerifyCliOptions extends ArchiveOptions, SelectionOptions {
  readonly parse?: true;
  readonly concurrency?: string;
}

export function verifyCommand(context: CliContext): Command {
  return withSelectionOptions(withArchiveOptions(new Command('verify')))
    .description('read stored mail and compare it with its recorded SHA-256, size and envelope')
    .argument('[mail...]', 'messageIds or keys; without them, what the options select')
    .option('--parse', 'also parse each message, as a subscriber would')
    .option('--concurrency <n>', 'objects read at once; default: 16, with --parse 4')
    .action(async (mails: readonly string[], options: VerifyCliOptions) => {
      await withArchive(context, options, async (archive) => {
        await runVerify(context, archive, mails, options);
      });
    });
}

async function runVerify(
  context: CliContext,
  archive: OpenedArchive,
  mails: readonly string[],
  options: VerifyCliOptions,
): Promise<void> {
  const concurrency = readCount('--concurrency', options.concurrency, 256);
  const limit = readCount('--limit', options.limit) ?? Infinity;
  const output = createOutput(context.stdout);
  const progress = createProgress(context.stderr, 'mail');
  const stop = context.interrupted();
  const missing: VerifyOutcome[] = [];
  const selected =
    mails.length > 0
      ? findAll(archive, mails, missing)
      : selectMail(archive, readSelection(archive, options));
  const counts: Record<VerifyFault, number> = {
    mismatch: 0,
    missing: 0,
    unreadable: 0,
    unparsable: 0,
  };
  let verified = 0;
  let octets = 0;
  const add = async (outcome: VerifyOutcome): Promise<void> => {
    verified += 1;
    octets += outcome.octets;
    progress.step();
    const { key, fault, reason } = outcome;
    if (fault === undefined) return;
    counts[fault] += 1;
    progress.end();
    await output.write(
      options.json
        ? `${printableJson({ key, fault, reason })}\n`
        : `${fault}  ${printable(key)}  ${printable(reason ?? '')}\n`,
    );
  };
  const limited = takeUntil(selected, limit, stop);
  const outcomes = verifyMails(archive, limited, {
    parse: options.parse === true,
    ...(concurrency !== undefined && { concurrency }),
  });
  try {
    for await (const outcome of outcomes) await add(outcome);
    for (const outcome of missing) await add(outcome);
  } finally {
    progress.end();
  }
  const failed = Object.values(counts).reduce((sum, count) => sum + count);
  if (options.json) {
    await output.write(
      `${printableJson({ verified, failed, ...counts, complete: !stop.aborted })}\n`,
    );
  } else {
    context.stderr.write(`verified ${renderCount(verified, 'mail')}, ${renderSize(octets)}\n`);
  }
  if (stop.aborted) throw new OperatorError('interrupted');
  if (failed > 0) {
    const parts = Object.entries(counts).filter(([, count]) => count > 0);
    throw new OperatorError(parts.map(([fault, count]) => `${count} ${fault}`).join(', '));
  }
}

async function* findAll(
  archive: OpenedArchive,
  mails: readonly string[],
  missing: VerifyOutcome[],
): AsyncGenerator<{ readonly key: string }> {
  for (const mail of mails) {
    try {
      yield await findMail(archive, archive.prefixes, mail);
    } catch (error) {
      if (!(error instanceof MailNotFoundError)) throw error;
      missing.push({ key: mail, fault: 'missing', reason: error.message, octets: 0 });
    }
  }
}

async function* takeUntil<T>(
  inputs: AsyncIterable<T>,
  limit: number,
  stop: AbortSignal,
): AsyncGenerator<T> {
  let count = 0;
  for await (const input of inputs) {
    if (stop.aborted) return;
    yield input;
    count += 1;
    if (count >= limit) return;
  }
}
