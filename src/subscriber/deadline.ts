// The time that Lambda leaves to one invocation. Lambda ends a function without warning, and then delivers all records
// of its batch again, the handled ones too. So the signal aborts the work before that, and the answer is given in time.
import { MailDeadlineError } from './errors.ts';

/** Of Lambda's context only what is used. */
export interface MailHandlerContext {
  getRemainingTimeInMillis?(): number;
}

export interface Deadline {
  /** Aborts, with a `MailDeadlineError`, a margin before Lambda ends the invocation. */
  readonly signal: AbortSignal;
  /** As `work`; rejects with a `MailDeadlineError` when half of the margin is left and the answer has to be given. */
  race<T>(work: Promise<T>): Promise<T>;
  end(): void;
}

/** Enough to answer and to write the log, also where a small function gets little CPU. */
const MARGIN_MILLIS = 2_000;
/** Of a function whose timeout is short, most of the time is for the work. */
const MARGIN_SHARE = 0.2;
/** The longest that a timer of Node.js takes. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Without a context that knows the time, it never comes. */
export function startDeadline(
  context: MailHandlerContext | undefined,
  margin: number | undefined,
): Deadline {
  const remaining = remainingMillis(context);
  const abort = new AbortController();
  if (remaining === undefined) {
    return { signal: abort.signal, race: (work) => work, end: () => undefined };
  }
  const marginMillis = margin ?? Math.min(MARGIN_MILLIS, remaining * MARGIN_SHARE);
  let expire: (error: Error) => void = () => undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    expire = reject;
  });
  expired.catch(() => undefined);
  const timers = [
    startTimer(remaining - marginMillis, () => {
      abort.abort(
        new MailDeadlineError('the function reaches its timeout: what has not begun comes again'),
      );
    }),
    startTimer(remaining - marginMillis / 2, () => {
      expire(
        new MailDeadlineError(
          'the mail was still being handled shortly before the timeout of the function: it comes again',
        ),
      );
    }),
  ];
  return {
    signal: abort.signal,
    race: (work) => Promise.race([work, expired]),
    end: () => {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** What Lambda leaves, if anybody says so. */
export function remainingMillis(context: MailHandlerContext | undefined): number | undefined {
  const millis: unknown = context?.getRemainingTimeInMillis?.();
  return typeof millis === 'number' && Number.isFinite(millis) ? millis : undefined;
}

function startTimer(millis: number, onTime: () => void): NodeJS.Timeout {
  return setTimeout(onTime, Math.min(Math.max(millis, 0), LONGEST_TIMER));
}
