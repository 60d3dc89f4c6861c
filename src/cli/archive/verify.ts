import { Command } from 'commander';
import { selectScope, type SelectedMail } from '../../archive/index.ts';
import { type VerifyOutcome, verifyMails } from '../../archive/verify-mail.ts';
import { OperatorError } from '../../app/operator-error.ts';
import { printable, printableJson } from '../../app/printable.ts';
import type { CliContext } from '../frame/context.ts';
import { type ArchiveOptions, withArchiveOptions } from '../frame/options.ts';
import type { OpenedArchive } from '../frame/with-target.ts';
import { createOutput, renderCount, renderSize } from './output.ts';
import { createProgress } from './progress.ts';
import {
  type RestoreCliOptions,
  withReadableArchive,
  withRestoreOptions,
} from './restore-options.ts';
import {
  readCount,
  readMails,
  readSelection,
  type SelectionOptions,
  withSelectionOptions,
} from './selection-options.ts';

interface VerifyCliOptions extends ArchiveOptions, SelectionOptions, RestoreCliOptions {
  readonly parse?: true;
  readonly concurrency?: string;
}

export function verifyCommand(context: CliContext): Command {
  return withSelectionOptions(withRestoreOptions(withArchiveOptions(new Command('verify'))))
    .description('read stored mail and compare it with its recorded SHA-256, size and envelope')
    .argument('[mail...]', 'messageIds or keys; without them, what the options select')
    .option('--parse', 'also parse each message, as a subscriber would')
    .option('--concurrency <n>', 'objects read at once; default: 16, with --parse 4')
    .action(async (named: readonly string[], options: VerifyCliOptions) => {
      const mails = readMails(named, options);
      await withReadableArchive(context, options, (archive) =>
        runVerify(context, archive, mails, options),
      );
    });
}

async function runVerify(
  context: CliContext,
  archive: OpenedArchive,
  mails: readonly string[],
  options: VerifyCliOptions,
): Promise<void> {
  const concurrency = readCount('--concurrency', options.concurrency, 256);
  const limit = readCount('--limit', options.limit);
  const scope = { mails, selection: readSelection(archive, options), limit };
  const stop = context.interrupted();
  const outcomes = verifyMails(archive, untilStopped(selectScope(archive, scope), stop), {
    parse: options.parse === true,
    ...(concurrency !== undefined && { concurrency }),
  });
  const output = createOutput(context.stdout);
  const counts = { verified: 0, mismatch: 0, missing: 0, unreadable: 0, unparsable: 0 };
  let octets = 0;
  {
    using progress = createProgress(context.stderr, 'mail');
    for await (const outcome of outcomes) {
      counts[outcome.result] += 1;
      octets += outcome.octets;
      progress.step();
      if (outcome.result === 'verified') continue;
      progress.hide();
      await output.write(`${renderOutcome(outcome, options)}\n`);
    }
  }
  const { verified, ...faults } = counts;
  const failed = Object.values(faults).reduce((sum, count) => sum + count);
  if (options.json) {
    const complete = !stop.aborted;
    await output.write(`${printableJson({ ...counts, failed, complete })}\n`);
  } else {
    context.stderr.write(
      `verified ${renderCount(verified + failed, 'mail')}, ${renderSize(octets)}\n`,
    );
  }
  await output.end();
  if (stop.aborted) throw new OperatorError('interrupted');
  if (failed > 0) {
    const parts = Object.entries(faults).filter(([, count]) => count > 0);
    throw new OperatorError(parts.map(([fault, count]) => `${count} ${fault}`).join(', '));
  }
}

/** `mismatch  mail/…/01k8…  expected SHA-256 …, got …` */
function renderOutcome(outcome: VerifyOutcome, { json }: VerifyCliOptions): string {
  const { octets: _, ...shown } = outcome;
  if (json) return printableJson(shown);
  return printable([shown.result, shown.key, shown.reason ?? ''].join('  '));
}

async function* untilStopped(
  mails: AsyncIterable<SelectedMail>,
  stop: AbortSignal,
): AsyncGenerator<SelectedMail> {
  for await (const mail of mails) {
    if (stop.aborted) return;
    yield mail;
  }
}
