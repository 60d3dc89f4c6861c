import type { Command } from 'commander';
import { isMessageId, parseMailKey, type Selection, timeOf } from '../../archive/index.ts';
import { UsageError } from '../../app/operator-error.ts';
import { collect } from '../frame/options.ts';
import type { ArchiveTarget } from '../frame/targets.ts';
import {
  readAddress,
  readDomain,
  readId,
  readNetwork,
  readSize,
  readText,
  readTime,
  readVerdicts,
} from './selection-values.ts';

export interface SelectionOptions {
  readonly from?: string;
  readonly to?: string;
  readonly after?: string;
  readonly minSize?: string;
  readonly maxSize?: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly recipientDomain?: string;
  readonly headerFrom?: string;
  readonly subject?: string;
  readonly listener?: string;
  readonly username?: string;
  readonly client?: string;
  readonly verdict?: readonly string[];
  readonly limit?: string;
}

/** All but `limit`: which mails. */
const CRITERIA = {
  from: '--from',
  to: '--to',
  after: '--after',
  minSize: '--min-size',
  maxSize: '--max-size',
  sender: '--sender',
  recipient: '--recipient',
  recipientDomain: '--recipient-domain',
  headerFrom: '--header-from',
  subject: '--subject',
  listener: '--listener',
  username: '--username',
  client: '--client',
  verdict: '--verdict',
} as const satisfies Record<Exclude<keyof SelectionOptions, 'limit'>, string>;

export function withSelectionOptions(command: Command): Command {
  return command
    .option('--from <time>', 'received at or after: 2026-11-23, 2026-11-23T13:00Z, or 2h (ago)')
    .option('--to <time>', 'received before')
    .option('--after <messageId>', 'received after this mail: only later messageIds')
    .option('--sender <address>', 'the reverse-path: an address, @domain, or <>')
    .option('--recipient <address>', 'any recipient of the envelope: an address or @domain')
    .option('--recipient-domain <domain>', 'the domain of any recipient')
    .option('--header-from <text>', 'the field From: an address, @domain, or a part of a name')
    .option('--subject <text>', 'a part of the subject, in whatever case')
    .option('--listener <name>', 'the listener that received it')
    .option('--username <name>', 'the user who signed in')
    .option('--client <address>', 'the address of the client, or a network: 192.0.2.0/24')
    .option('--min-size <size>', 'at least this size, for example 10KB')
    .option('--max-size <size>', 'at most this size')
    .option('--verdict <name=status>', 'for example dmarc=FAIL (repeatable)', collect)
    .option('--limit <n>', 'at most this number of mails');
}

/** @throws UsageError where an option is wrong, or where no mail can match them together. */
export function readSelection(
  { prefixes }: Pick<ArchiveTarget, 'prefixes'>,
  options: SelectionOptions,
): Selection {
  const from = readTime('--from', options.from);
  const to = readTime('--to', options.to);
  const minSize = readSize('--min-size', options.minSize);
  const maxSize = readSize('--max-size', options.maxSize);
  const selection: Selection = {
    prefixes,
    ...given('from', from),
    ...given('to', to),
    ...given('afterId', readId('--after', options.after)),
    ...given('minSize', minSize),
    ...given('maxSize', maxSize),
    ...given('sender', readAddress('--sender', options.sender, { orNone: true })),
    ...given('recipient', readAddress('--recipient', options.recipient)),
    ...given('recipientDomain', readDomain('--recipient-domain', options.recipientDomain)),
    ...given('headerFrom', readText('--header-from', options.headerFrom)),
    ...given('subject', readText('--subject', options.subject)),
    ...given('listener', readText('--listener', options.listener)),
    ...given('username', readText('--username', options.username)),
    ...given('client', readNetwork('--client', options.client)),
    ...given('verdicts', readVerdicts('--verdict', options.verdict)),
  };
  requirePossible(selection, options);
  return selection;
}

function given<N extends string, T>(name: N, value: T | undefined): { readonly [K in N]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [K in N]: T });
}

/** @throws UsageError */
function requirePossible(
  { from, to, afterId, minSize, maxSize }: Selection,
  options: SelectionOptions,
): void {
  if (from !== undefined && to !== undefined && from >= to) {
    throw new UsageError(`--from: expected a time before --to, got "${options.from}"`);
  }
  if (from !== undefined && from.getTime() > Date.now()) {
    throw new UsageError(`--from: expected a time in the past, got "${options.from}"`);
  }
  if (afterId !== undefined && to !== undefined && timeOf(afterId) >= to) {
    throw new UsageError(`--after: expected a mail from before --to, got "${options.after}"`);
  }
  if (minSize !== undefined && maxSize !== undefined && minSize > maxSize) {
    throw new UsageError(`--min-size: expected at most --max-size, got "${options.minSize}"`);
  }
}

/** What the options select, as they were given. */
export function criteriaOf(options: SelectionOptions): SelectionOptions {
  const names = [...Object.keys(CRITERIA), 'limit'] as (keyof SelectionOptions)[];
  return Object.fromEntries(names.map((name) => [name, options[name]]));
}

/**
 * The mails that a command line names, as messageIds or keys.
 * @throws UsageError where one has the form of neither, or where the options select mails besides.
 */
export function readMails(
  mails: readonly string[],
  options: SelectionOptions = {},
): readonly string[] {
  for (const mail of mails) {
    if (isMessageId(mail) || parseMailKey(mail) !== undefined) continue;
    throw new UsageError(
      `expected a messageId (40 characters of 0-9a-v) or a key that ends in dt=DAY/hr=HOUR/messageId, got "${mail}"`,
    );
  }
  const also = Object.entries(CRITERIA).find(
    ([name]) => options[name as keyof SelectionOptions] !== undefined,
  );
  if (mails.length > 0 && also !== undefined) {
    throw new UsageError(`${also[1]}: expected single mails or a selection by options, got both`);
  }
  return mails;
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
