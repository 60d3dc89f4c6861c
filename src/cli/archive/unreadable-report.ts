// The mails that a command cannot read: each is named with the reason, all are counted, and the command exits with 1.
import type { UnreadableMailError } from '../../archive/index.ts';
import { OperatorError } from '../../app/operator-error.ts';
import { printable } from '../../app/printable.ts';
import type { CliContext } from '../frame/context.ts';
import { renderCount } from './output.ts';

export interface UnreadableReport {
  readonly count: number;
  /** The first of them, `KEPT_LIMIT` at most. */
  readonly failures: readonly UnreadableEntry[];
  add(error: UnreadableMailError): void;
  /** @throws OperatorError if any mail was reported. */
  finish(): void;
}

/** An unreadable mail in the JSON of a command. */
export interface UnreadableEntry {
  readonly key: string;
  readonly fault: string;
  readonly reason: string;
}

export interface UnreadableReportOptions {
  /** Names each on standard error. Default true. */
  readonly names?: boolean;
  /** Called for each of the kept ones. */
  readonly onEntry?: (entry: UnreadableEntry) => void;
  /** Called before a line is written. */
  readonly beforeLine?: () => void;
}

const KEPT_LIMIT = 1000;

export function createUnreadableReport(
  { stderr }: Pick<CliContext, 'stderr'>,
  { names = true, beforeLine, onEntry }: UnreadableReportOptions = {},
): UnreadableReport {
  const failures: UnreadableEntry[] = [];
  let count = 0;
  let restoring = 0;
  return {
    get count() {
      return count;
    },
    failures,
    add: ({ key, fault, message }) => {
      count += 1;
      if (fault === 'restoring') restoring += 1;
      if (failures.length < KEPT_LIMIT) {
        const entry = { key, fault, reason: message };
        failures.push(entry);
        onEntry?.(entry);
      }
      if (!names) return;
      beforeLine?.();
      stderr.write(`${printable(key)}: ${printable(message)}\n`);
    },
    finish: () => {
      if (count === 0) return;
      const coming = restoring === 0 ? '' : `; S3 brings back ${restoring} of them`;
      throw new OperatorError(`${renderCount(count, 'mail')} could not be read${coming}`);
    },
  };
}
