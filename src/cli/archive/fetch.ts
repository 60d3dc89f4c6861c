import { access } from 'node:fs/promises';
import { Command } from 'commander';
import {
  findMail,
  type ListedMail,
  type MailFolder,
  openMaildir,
  openMbox,
  saveMail,
  selectMail,
  writeMail,
} from '../../archive/index.ts';
import { OperatorError, UsageError } from '../../app/operator-error.ts';
import type { CliContext } from '../frame/context.ts';
import { type ArchiveOptions, withArchiveOptions } from '../frame/options.ts';
import { type OpenedArchive, withArchive } from '../frame/with-target.ts';
import { renderCount } from './output.ts';
import { createProgress } from './progress.ts';
import {
  readCount,
  readSelection,
  type SelectionOptions,
  withSelectionOptions,
} from './selection-options.ts';
import { printableJson } from '../../app/printable.ts';

interface FetchOptions extends ArchiveOptions, SelectionOptions {
  readonly output?: string;
  readonly maildir?: string;
  readonly mbox?: string;
  readonly asSent?: true;
}

export function fetchCommand(context: CliContext): Command {
  return withSelectionOptions(withArchiveOptions(new Command('fetch')))
    .description('fetch raw mail: one to standard output or a file, many to a Maildir or an mbox')
    .argument('[mail...]', 'messageIds or keys; without them, what the options select')
    .option('--output <file>', 'write one mail to this file')
    .option('--maildir <folder>', 'into this Maildir; mails that it has already are skipped')
    .option('--mbox <file>', 'into this new mbox file')
    .option('--as-sent', 'without the trace header fields that Mailsluice added')
    .action(async (mails: readonly string[], options: FetchOptions) => {
      await withArchive(context, options, async (archive) => {
        const asSent = { asSent: options.asSent === true };
        const folder = await openFolder(archive, options, asSent);
        if (folder !== undefined) {
          await fetchMany(context, archive, mails, options, folder);
          return;
        }
        const [mail, second] = mails;
        if (mail === undefined || second !== undefined) {
          throw new UsageError('expected one mail, or --maildir or --mbox for many');
        }
        const { key } = await findMail(archive, archive.prefixes, mail);
        if (options.output === undefined) {
          await writeMail(archive, key, context.stdout, asSent);
          return;
        }
        await saveMail(archive, key, options.output, asSent);
      });
    });
}

async function openFolder(
  archive: OpenedArchive,
  { maildir, mbox, output }: FetchOptions,
  asSent: { readonly asSent: boolean },
): Promise<MailFolder | undefined> {
  if ([maildir, mbox, output].filter((each) => each !== undefined).length > 1) {
    throw new UsageError('expected one of --output, --maildir and --mbox, got more');
  }
  if (maildir !== undefined) return openMaildir(archive, maildir, asSent);
  if (mbox === undefined) return undefined;
  const isThere = await access(mbox).then(
    () => true,
    () => false,
  );
  // A second run would add every mail once more.
  if (isThere) {
    throw new OperatorError(`--mbox: expected a file that does not exist, got "${mbox}"`);
  }
  return openMbox(archive, mbox, asSent);
}

async function fetchMany(
  context: CliContext,
  archive: OpenedArchive,
  mails: readonly string[],
  options: FetchOptions,
  folder: MailFolder,
): Promise<void> {
  const limit = readCount('--limit', options.limit) ?? Infinity;
  const selected: AsyncIterable<ListedMail> =
    mails.length > 0
      ? findAll(archive, mails)
      : selectMail(archive, readSelection(archive, options));
  const progress = createProgress(context.stderr, 'mail');
  const interrupted = context.interrupted();
  let fetched = 0;
  let there = 0;
  for await (const mail of selected) {
    if (fetched + there >= limit || interrupted.aborted) break;
    if ((await folder.save(mail)).saved) fetched += 1;
    else there += 1;
    progress.step();
  }
  progress.end();
  if (options.json) {
    const complete = !interrupted.aborted;
    context.stdout.write(`${printableJson({ fetched, alreadyThere: there, complete })}\n`);
  } else {
    const rest = there === 0 ? '' : `, ${renderCount(there, 'mail')} already there`;
    context.stderr.write(`fetched ${renderCount(fetched, 'mail')}${rest}\n`);
  }
  if (interrupted.aborted) throw new OperatorError('interrupted');
}

async function* findAll(
  archive: OpenedArchive,
  mails: readonly string[],
): AsyncGenerator<ListedMail> {
  for (const mail of mails) yield await findMail(archive, archive.prefixes, mail);
}
