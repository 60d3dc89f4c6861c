import type { Command } from 'commander';
import { type Selection, VERDICT_NAMES, type VerdictName } from '../../archive/index.ts';
import { parseDuration, parseSize } from '../../config/units.ts';
import { UsageError } from '../../app/operator-error.ts';
import { collect } from '../frame/options.ts';
import type { ArchiveTarget } from '../frame/targets.ts';

export interface SelectionOptions {
  readonly from?: string;
  readonly to?: string;
  readonly minSize?: string;
  readonly maxSize?: string;
  readonly sender?: string;
  readonly recipientDomain?: string;
  readonly verdict?: readonly string[];
  readonly limit?: string;
}

export function withSelectionOptions(command: Command): Command {
  return command
    .option('--from <time>', 'received at or after: 2026-11-23, 2026-11-23T13:00Z, or 2h (ago)')
    .option('--to <time>', 'received before')
    .option('--sender <address>', 'the reverse-path: an address, @domain, or <>')
    .option('--recipient-domain <domain>', 'the domain of any recipient')
    .option('--min-size <size>', 'at least this size, for example 10KB')
    .option('--max-size <size>', 'at most this size')
    .option('--verdict <name=status>', 'for example dmarc=FAIL (repeatable)', collect)
    .option('--limit <n>', 'at most this number of mails');
}

/** @throws UsageError where an option is wrong. */
export function readSelection(
  { prefixes }: Pick<ArchiveTarget, 'prefixes'>,
  options: SelectionOptions,
): Selection {
  const { sender, recipientDomain, verdict } = options;
  const from = readTime('--from', options.from);
  const to = readTime('--to', options.to);
  const minSize = readSize('--min-size', options.minSize);
  const maxSize = readSize('--max-size', options.maxSize);
  if (from !== undefined && to !== undefined && from >= to) {
    throw new UsageError(`--from: expected a time before --to, got "${options.from}"`);
  }
  return {
    prefixes,
    ...(from && { from }),
    ...(to && { to }),
    ...(minSize !== undefined && { minSize }),
    ...(maxSize !== undefined && { maxSize }),
    ...(sender !== undefined && { sender }),
    ...(recipientDomain !== undefined && { recipientDomain }),
    ...(verdict !== undefined && { verdicts: readVerdicts(verdict) }),
  };
}

/** A whole number from 1 on, or `undefined` where the option was not given. */
export function readCount(
  option: string,
  text: string | undefined,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max) return count;
  const range = max === Number.MAX_SAFE_INTEGER ? 'from 1 on' : `from 1 to ${max}`;
  throw new UsageError(`${option}: expected a whole number ${range}, got "${text}"`);
}

/** UTC where the text names no zone: the keys are in UTC. */
export function readTime(
  option: string,
  text: string | undefined,
  now = Date.now(),
): Date | undefined {
  if (text === undefined) return undefined;
  const [, day, time = '', zone] =
    /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const ago = /^(.*?)( ago)?$/.exec(text)?.[1] ?? '';
  const seconds = day === undefined ? parseDuration(ago) : undefined;
  const at =
    seconds === undefined
      ? new Date(time === '' ? `${day}` : `${day}${time}${zone ?? 'Z'}`)
      : new Date(now - seconds * 1000);
  if (!Number.isNaN(at.getTime())) return at;
  throw new UsageError(
    `${option}: expected a time like 2026-11-23, 2026-11-23T13:00Z or 2h (ago), got "${text}"`,
  );
}

function readSize(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const octets = /^\d{1,15}$/.test(text) ? Number(text) : parseSize(text);
  if (octets !== undefined) return octets;
  throw new UsageError(
    `${option}: expected a size like 10KB (B, KB, MB, GB, KiB, MiB, GiB), got "${text}"`,
  );
}

function readVerdicts(texts: readonly string[]): NonNullable<Selection['verdicts']> {
  return Object.fromEntries(
    texts.map((text) => {
      const [name = '', status = ''] = text.split('=', 2);
      const isKnown = VERDICT_NAMES.includes(name as VerdictName);
      if (isKnown && /^(PASS|FAIL|GRAY|PROCESSING_FAILED)$/i.test(status)) {
        return [name, status.toUpperCase()];
      }
      throw new UsageError(
        `--verdict: expected ${VERDICT_NAMES.join(', ')} = PASS, FAIL, GRAY or PROCESSING_FAILED, got "${text}"`,
      );
    }),
  );
}
