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
import type { ArchiveCliContext, OpenedArchive } from './context.ts';
import { renderCount } from './output.ts';
import { createProgress } from './progress.ts';
import { type CommonOptions, fail, withArchive, withArchiveOptions } from './run.ts';
import {
  readCount,
  readSelection,
  type SelectionOptions,
  withSelectionOptions,
} from './selection-options.ts';

interface FetchOptions extends CommonOptions, SelectionOptions {
  readonly output?: string;
  readonly maildir?: string;
  readonly mbox?: string;
  readonly asSent?: true;
}

export function fetchCommand(context: ArchiveCliContext): Command {
  const command = withSelectionOptions(withArchiveOptions(new Command('fetch')))
    .description('fetch raw mail: one to standard output or a file, many to a Maildir or an mbox')
    .argument('[mail...]', 'messageIds or keys; without them, what the options select')
    .option('--output <file>', 'write one mail to this file')
    .option('--maildir <folder>', 'into this Maildir; mails that are there already are passed over')
    .option('--mbox <file>', 'into this new mbox file')
    .option('--as-sent', 'without the trace header fields that were put in front')
    .action(async (mails: readonly string[], options: FetchOptions) => {
      await withArchive(context, command, options, async (archive) => {
        const asSent = { asSent: options.asSent === true };
        const folder = await openFolder(command, archive, options, asSent);
        if (folder !== undefined) {
          await fetchMany(context, command, archive, mails, options, folder);
          return;
        }
        const [mail, second] = mails;
        if (mail === undefined || second !== undefined) {
          fail(command, 2, 'expected one mail, or --maildir or --mbox for many');
        }
        const { key } = await findMail(archive, archive.prefixes, mail);
        if (options.output === undefined) {
          await writeMail(archive, key, context.stdout, asSent);
          return;
        }
        await saveMail(archive, key, options.output, asSent);
      });
    });
  return command;
}

async function openFolder(
  command: Command,
  archive: OpenedArchive,
  { maildir, mbox, output }: FetchOptions,
  asSent: { readonly asSent: boolean },
): Promise<MailFolder | undefined> {
  if ([maildir, mbox, output].filter((each) => each !== undefined).length > 1) {
    fail(command, 2, 'expected one of --output, --maildir and --mbox, got more');
  }
  if (maildir !== undefined) return openMaildir(archive, maildir, asSent);
  if (mbox === undefined) return undefined;
  const isThere = await access(mbox).then(
    () => true,
    () => false,
  );
  // A second run would add every mail once more.
  if (isThere) fail(command, 1, `--mbox: expected a file that is not there yet, got "${mbox}"`);
  return openMbox(archive, mbox, asSent);
}

async function fetchMany(
  context: ArchiveCliContext,
  command: Command,
  archive: OpenedArchive,
  mails: readonly string[],
  options: FetchOptions,
  folder: MailFolder,
): Promise<void> {
  const limit = readCount(command, '--limit', options.limit) ?? Infinity;
  const selected: AsyncIterable<ListedMail> =
    mails.length > 0
      ? findAll(archive, mails)
      : selectMail(archive, readSelection(command, archive, options));
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
    context.stdout.write(`${JSON.stringify({ fetched, alreadyThere: there, complete })}\n`);
  } else {
    const rest = there === 0 ? '' : `, ${renderCount(there, 'mail')} already there`;
    context.stderr.write(`fetched ${renderCount(fetched, 'mail')}${rest}\n`);
  }
  if (interrupted.aborted) fail(command, 1, 'interrupted');
}

async function* findAll(
  archive: OpenedArchive,
  mails: readonly string[],
): AsyncGenerator<ListedMail> {
  for (const mail of mails) yield await findMail(archive, archive.prefixes, mail);
}
