// One run of a replay: which mails, from where it resumes, how far it came. The command line gives the options and
// prints the result.
import { findMails } from './find-mail.ts';
import type { Place } from './list-mail.ts';
import { newReplayMark, replay, type ReplayMark, type ReplayOptions } from './replay.ts';
import { ReplayState } from './replay-state.ts';
import { type MailScope, selectScope } from './mail-scope.ts';
import { needsRecords } from './match-mail.ts';
import { selectMail } from './select-mail.ts';

export interface ReplayRunOptions
  extends MailScope,
    Pick<ReplayOptions, 'destination' | 'concurrency' | 'ratePerSecond'> {
  /** Records how far the run came, and resumes a run of the same task. */
  readonly state?: { readonly file: string; readonly task: string } | undefined;
  /** Begins no further mail; what is in progress is finished. */
  readonly signal: AbortSignal;
  /** Called for each mail of this run, in their order; `failure` says why the mail could not be announced. */
  readonly onMail?: (key: string, failure: string | undefined) => void;
  /** Where given, the mails are counted during the run, unless that means to read each of them. */
  readonly onTotal?: (total: number) => void;
}

export interface ReplayResult {
  readonly mark: ReplayMark;
  /** The counts of all runs of the task. */
  readonly announced: number;
  readonly failed: number;
  /** The first failures of this run, `KEPT_FAILURE_LIMIT` at most. */
  readonly failures: readonly { readonly key: string; readonly reason: string }[];
  readonly isComplete: boolean;
  /** An earlier run of the same task got some way. */
  readonly isResumed: boolean;
  /** What the destination or S3 failed with, where that ended the run. */
  readonly stoppedBy?: unknown;
}

const KEPT_FAILURE_LIMIT = 1000;

/**
 * Replays the mails, and resumes where an earlier run of the same task ended. Mails that an earlier run could not announce
 * are tried again at the end.
 * @throws ReplayStateError where the state file belongs to another task.
 */
export async function runReplay(place: Place, options: ReplayRunOptions): Promise<ReplayResult> {
  const { selection, destination, concurrency, ratePerSecond, signal, onMail } = options;
  // Mails that arrive during the run are announced anyway, and are no part of it.
  const range = { to: selection.to ?? new Date(), ...(selection.from && { from: selection.from }) };
  const fresh = { ...newReplayMark(), ...range };
  const state =
    options.state && (await ReplayState.open(options.state.file, options.state.task, fresh));
  const mark = state?.mark ?? { id: fresh.id, at: fresh.at };
  let { announced, failed } = state?.counts ?? { announced: 0, failed: 0 };
  const before = announced + failed;
  const failures: { key: string; reason: string }[] = [];
  const scope: MailScope = {
    mails: options.mails,
    selection: { ...selection, ...(state?.range ?? range) },
    limit: options.limit === undefined ? undefined : options.limit - before,
  };

  const counting = new AbortController();
  startCounting({ ...place, signal: counting.signal }, scope, state?.after, options.onTotal);
  const note = (key: string, failure: string | undefined): void => {
    if (failure !== undefined && failures.length < KEPT_FAILURE_LIMIT) {
      failures.push({ key, reason: failure });
    }
    onMail?.(key, failure);
  };
  let stoppedBy: unknown;
  try {
    const run = {
      destination,
      mark,
      ...(concurrency !== undefined && { concurrency }),
      ...(ratePerSecond !== undefined && { ratePerSecond }),
      signal,
    };
    await replay(place, selectScope(place, scope, { after: state?.after }), {
      ...run,
      onOutcome: async (outcome) => {
        const { mail, failure } = outcome;
        if (failure === undefined) announced += 1;
        else failed += 1;
        note(mail.key, failure);
        await state?.record(outcome);
      },
    });
    const again = state?.failed ?? [];
    if (again.length > 0 && !signal.aborted) {
      await replay(place, findMails(place, selection.prefixes, again), {
        ...run,
        onOutcome: async (outcome) => {
          const { mail, failure } = outcome;
          if (failure === undefined) {
            announced += 1;
            failed -= 1;
          }
          note(mail.key, failure);
          await state?.recordAgain(outcome);
        },
      });
    }
  } catch (error) {
    stoppedBy = error;
  } finally {
    counting.abort();
    await state?.close();
  }
  return {
    mark,
    announced,
    failed,
    failures,
    isComplete: stoppedBy === undefined && !signal.aborted,
    isResumed: before > 0,
    ...(stoppedBy !== undefined && { stoppedBy }),
  };
}

/** Counts the mails besides the run. A count that fails is not worth an error. */
function startCounting(
  place: Place,
  scope: MailScope,
  after: ReplayState['after'],
  onTotal: ReplayRunOptions['onTotal'],
): void {
  const { mails, selection, limit = Infinity } = scope;
  if (onTotal === undefined || mails.length > 0 || needsRecords(selection)) return;
  const count = async (): Promise<void> => {
    let total = 0;
    for await (const _ of selectMail(place, selection, { ...(after && { after }) })) total += 1;
    onTotal(Math.min(total, limit));
  };
  void count().catch(() => undefined);
}
