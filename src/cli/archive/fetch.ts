import { Command } from 'commander';
import {
  findMail,
  type MailFolder,
  openMaildir,
  openMbox,
  saveMail,
  saveMails,
  type SelectedMail,
  selectScope,
  writeMail,
} from '../../archive/index.ts';
import { OperatorError, UsageError } from '../../app/operator-error.ts';
import { printableJson } from '../../app/printable.ts';
import type { CliContext } from '../frame/context.ts';
import { type ArchiveOptions, withArchiveOptions } from '../frame/options.ts';
import type { OpenedArchive } from '../frame/with-target.ts';
import { writing } from '../frame/write-error.ts';
import { createOutput, renderCount, STANDARD_OUTPUT } from './output.ts';
import { createProgress } from './progress.ts';
import {
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

interface FetchOptions extends ArchiveOptions, SelectionOptions, RestoreCliOptions {
  readonly output?: string;
  readonly maildir?: string;
  readonly mbox?: string;
  readonly asSent?: true;
  readonly concurrency?: string;
}

export function fetchCommand(context: CliContext): Command {
  return withSelectionOptions(withRestoreOptions(withArchiveOptions(new Command('fetch'))))
    .description('fetch raw mail: one to standard output or a file, many to a Maildir or an mbox')
    .argument('[mail...]', 'messageIds or keys; without them, what the options select')
    .option('--output <file>', 'write one mail to this file')
    .option('--maildir <folder>', 'into this Maildir; mails that it has already are skipped')
    .option('--mbox <file>', 'into this new mbox file')
    .option('--as-sent', 'without the trace header fields that Mailsluice added')
    .option('--concurrency <n>', 'mails read at once', '10')
    .action(async (named: readonly string[], options: FetchOptions) => {
      const mails = readMails(named, options);
      await withReadableArchive(context, options, async (archive) => {
        const asSent = { asSent: options.asSent === true };
        const target = targetOf(options);
        const concurrency = readCount('--concurrency', options.concurrency, 256) ?? 10;
        if (options.maildir !== undefined || options.mbox !== undefined) {
          const limit = readCount('--limit', options.limit);
          const scope = { mails, selection: readSelection(archive, options), limit };
          // What cannot be read does not count: it is not known to be selected.
          const isCounted = (mail: SelectedMail): boolean => mail.unreadable === undefined;
          const selected = selectScope(archive, scope, { isCounted });
          await writing(target, async () => {
            const folder = await openFolder(archive, options, asSent);
            await fetchMany(context, selected, options, folder, concurrency);
          });
          return;
        }
        const [mail, second] = mails;
        if (mail === undefined || second !== undefined) {
          throw new UsageError('expected one mail, or --maildir or --mbox for many');
        }
        const { key } = await findMail(archive, archive.prefixes, mail);
        await writing(target, () =>
          options.output === undefined
            ? writeMail(archive, key, context.stdout, asSent)
            : saveMail(archive, key, options.output, asSent),
        );
      });
    });
}

/** What the operator calls the place where the mail goes. */
function targetOf({ maildir, mbox, output }: FetchOptions): string {
  const given = Object.entries({ maildir, mbox, output }).filter(([, path]) => path !== undefined);
  if (given.length > 1) {
    throw new UsageError('expected one of --output, --maildir and --mbox, got more');
  }
  const [name, path] = given[0] ?? [];
  return name === undefined ? STANDARD_OUTPUT : `--${name} "${path}"`;
}

async function openFolder(
  archive: OpenedArchive,
  { maildir, mbox }: FetchOptions,
  asSent: { readonly asSent: boolean },
): Promise<MailFolder> {
  if (maildir !== undefined) return openMaildir(archive, maildir, asSent);
  // A second run would add every mail once more, so the file must be new.
  return openMbox(archive, mbox ?? '', asSent);
}

async function fetchMany(
  context: CliContext,
  selected: AsyncIterable<SelectedMail>,
  options: FetchOptions,
  folder: MailFolder,
  concurrency: number,
): Promise<void> {
  const interrupted = context.interrupted();
  let fetched = 0;
  let there = 0;
  using progress = createProgress(context.stderr, 'mail');
  const unreadable = createUnreadableReport(context, {
    names: options.json !== true,
    beforeLine: () => progress.hide(),
  });
  try {
    for await (const { result } of saveMails(selected, folder, {
      concurrency,
      signal: interrupted,
    })) {
      if (result === 'saved') fetched += 1;
      else if (result === 'there') there += 1;
      else unreadable.add(result);
      progress.step();
    }
  } finally {
    await folder.close();
  }
  progress.hide();
  const output = createOutput(context.stdout);
  const { failures, count: failed } = unreadable;
  if (options.json) {
    const complete = !interrupted.aborted;
    await output.write(
      `${printableJson({ fetched, alreadyThere: there, failed, failures, complete })}\n`,
    );
    await output.end();
  } else {
    const rest = there === 0 ? '' : `, ${renderCount(there, 'mail')} already there`;
    context.stderr.write(`fetched ${renderCount(fetched, 'mail')}${rest}\n`);
  }
  if (interrupted.aborted) throw new OperatorError('interrupted');
  unreadable.finish();
}
