import { Command } from 'commander';
import {
  eraseMail,
  type EraseCounts,
  type EraseHead,
  type EraseOutcome,
  EraseReport,
} from '../../archive/erase/index.ts';
import { accessFault } from '../../bridge/index.ts';
import { OperatorError, UsageError } from '../../app/operator-error.ts';
import { printable, printableJson } from '../../app/printable.ts';
import { parseAddressPattern } from '../../policy/address-pattern.ts';
import type { CliContext } from '../frame/context.ts';
import { type ArchiveOptions, collect, withArchiveOptions } from '../frame/options.ts';
import { writing } from '../frame/write-error.ts';
import { type OpenedArchive, withArchive } from '../frame/with-target.ts';
import { createOutput, renderCount } from './output.ts';
import { createProgress } from './progress.ts';
import { readCount } from './selection-options.ts';
import { readTime } from './selection-values.ts';

interface EraseCliOptions extends ArchiveOptions {
  readonly address: readonly string[];
  readonly subaddresses?: true;
  readonly headers?: true;
  readonly keepShared?: true;
  readonly from?: string;
  readonly to?: string;
  readonly indexPrefix: string;
  readonly yes?: true;
  readonly dryRun?: true;
  readonly report?: string;
  readonly bypassGovernance?: true;
  readonly concurrency?: string;
}

export function eraseCommand(context: CliContext): Command {
  return withArchiveOptions(new Command('erase'))
    .description("find and delete one person's mail: objects, versions, records, outbox, index")
    .requiredOption(
      '--address <address>',
      'the sender or a recipient of the envelope (repeatable)',
      collect,
    )
    .option('--subaddresses', 'also user+anything@ of each address')
    .option('--headers', 'also mail that names the address in From, To, Cc and the like')
    .option('--keep-shared', 'keep and list mail that has other recipients too')
    .option('--from <time>', 'received at or after: 2026-11-23, 2026-11-23T13:00Z, or 2h (ago)')
    .option('--to <time>', 'received before')
    .option('--index-prefix <prefix>', 'where the index is, if --prefix is given', 'index/')
    .option('--yes', 'delete; without it, only list what would be deleted')
    .option('--dry-run', 'list what would be deleted: the default')
    .option('--report <file>', 'add what was deleted to this file, a line of JSON each')
    .option('--bypass-governance', 'delete what Object Lock keeps in governance mode')
    .option('--concurrency <n>', 'objects read at once; default: 16')
    .action(async (options: EraseCliOptions) => {
      const { isTheirs, addresses } = readAddresses(options);
      if (options.yes && options.dryRun) {
        throw new UsageError('expected one of --yes and --dry-run, got both');
      }
      await withArchive(
        context,
        options,
        (archive) => runErase(context, archive, options, addresses, isTheirs),
        // What is left of mail that was deleted is not in the listing of the mail.
        { mayBeEmpty: true },
      );
    });
}

async function runErase(
  context: CliContext,
  archive: OpenedArchive,
  options: EraseCliOptions,
  addresses: readonly string[],
  isTheirs: (address: string) => boolean,
): Promise<void> {
  const { stdout, stderr } = context;
  const from = readTime('--from', options.from);
  const to = readTime('--to', options.to);
  if (from !== undefined && to !== undefined && from >= to) {
    throw new UsageError(`--from: expected a time before --to, got "${options.from}"`);
  }
  const range = { ...(from && { from }), ...(to && { to }) };
  const concurrency = readCount('--concurrency', options.concurrency, 256);
  const dryRun = options.yes !== true;
  // Without --prefix all of the bucket: credentials and routes of other times had prefixes of their own.
  const prefixes = options.prefix === undefined ? undefined : archive.prefixes;
  const person = {
    isTheirs,
    headers: options.headers === true,
    keepShared: options.keepShared === true,
  };
  const head: EraseHead = {
    bucket: archive.bucket,
    addresses,
    dryRun,
    headers: person.headers,
    keepShared: person.keepShared,
    ...(from && { from: from.toISOString() }),
    ...(to && { to: to.toISOString() }),
    ...(prefixes && { prefixes }),
  };
  const report = await openReport(options.report, head);
  const output = createOutput(stdout);
  const progress = createProgress(stderr, 'object');
  const stop = context.interrupted();
  const counts = { found: 0, erased: 0, kept: 0, refused: 0, unread: 0 };
  let isComplete = false;
  try {
    const outcomes = eraseMail(archive, {
      ...{ person, range, dryRun, indexPrefix: options.indexPrefix, stop },
      ...(prefixes && { prefixes }),
      ...(concurrency !== undefined && { concurrency }),
      bypassGovernance: options.bypassGovernance === true,
      onJudged: () => progress.step(),
      onEmpty: (prefix) => {
        progress.hide();
        stderr.write(`${printable(prefix)}: there is nothing under it in this time, of nobody\n`);
      },
      ...(report && {
        unfinished: report.unfinished,
        onErasing: (items) => report.erasing(items),
      }),
    });
    for await (const outcome of outcomes) {
      counts[outcome.outcome] += 1;
      await report?.record(outcome);
      progress.hide();
      if (options.json) await output.write(`${printableJson(outcome)}\n`);
      else if (outcome.reason === undefined) await output.write(`${renderOutcome(outcome)}\n`);
      else stderr.write(`${printable(outcome.key)}: ${printable(outcome.reason)}\n`);
    }
    isComplete = !stop.aborted;
  } catch (error) {
    if (accessFault(error) !== 'denied') throw error;
    throw new OperatorError(
      `these AWS credentials have no right to do that; erasing requires s3:GetBucketVersioning, s3:ListBucket, s3:ListBucketVersions and, on the objects, s3:GetObject, s3:GetObjectVersion, s3:DeleteObject and s3:DeleteObjectVersion in "${archive.bucket}"`,
      { cause: error },
    );
  } finally {
    progress[Symbol.dispose]();
    await report?.end(counts, isComplete);
    await report?.close();
  }
  await output.end();
  if (!options.json) stderr.write(renderCounts(counts, dryRun));
  if (stop.aborted) throw new OperatorError('interrupted; run the same command again to go on');
  const failed = counts.refused + counts.unread;
  if (failed > 0) {
    throw new OperatorError(
      `${renderCount(failed, 'object')} ${dryRun ? 'would not be' : 'could not be'} erased`,
    );
  }
}

async function openReport(
  file: string | undefined,
  head: EraseHead,
): Promise<EraseReport | undefined> {
  if (file === undefined) return undefined;
  return writing(`--report "${file}"`, () => EraseReport.open(file, head));
}

/** `erased  mail/…/01k8…  recipient  2 versions` */
function renderOutcome({ outcome, key, roles, rows, versions }: EraseOutcome): string {
  const parts = [outcome === 'found' ? 'would erase' : outcome, key];
  if (roles !== undefined) parts.push(roles.join(' and '));
  if (rows !== undefined) parts.push(renderCount(rows, 'row'));
  if (versions.length > 1) parts.push(renderCount(versions.length, 'version'));
  return printable(parts.join('  '));
}

function renderCounts(counts: EraseCounts, dryRun: boolean): string {
  const done = dryRun
    ? `would erase ${renderCount(counts.found, 'object')}`
    : `erased ${renderCount(counts.erased, 'object')}`;
  const rest = [
    [counts.kept, 'kept as shared'],
    [counts.refused, dryRun ? 'kept by S3' : 'refused by S3'],
    [counts.unread, 'not readable'],
  ] as const;
  const parts = rest.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const hint = dryRun && counts.found > 0 ? '; run it with --yes to erase' : '';
  return `${[done, ...parts].join(', ')}${hint}\n`;
}

interface Addresses {
  /** In their canonical form. */
  readonly addresses: readonly string[];
  readonly isTheirs: (address: string) => boolean;
}

/** @throws UsageError where one is not an address. */
function readAddresses({ address, subaddresses }: EraseCliOptions): Addresses {
  const addresses = address.map((text) => {
    const canonical = parseAddressPattern(text);
    if (canonical === undefined || /^\*@|@\*/.test(canonical) || canonical === '*') {
      throw new UsageError(`--address: expected an address like user@example.com, got "${text}"`);
    }
    return canonical;
  });
  const all = new Set(addresses);
  return {
    addresses,
    isTheirs: (text) => {
      const canonical = parseAddressPattern(text) ?? text.toLowerCase();
      if (all.has(canonical)) return true;
      return subaddresses === true && all.has(canonical.replace(/\+[^@]*(?=@)/, ''));
    },
  };
}
