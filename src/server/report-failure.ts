// Where a failure of the embedder's code is reported: to the observer, or in a warning of the process.
import type { Peer, ServerEvent } from './events.ts';
import { messageOf } from './errors.ts';
import { printable } from './boundary/show.ts';
import { isPromise } from './hooks.ts';
import type { Serving } from './serving.ts';

/** No failure is without a trace: where nobody observes, the process warns. */
export function reportFailure(
  { observe, warn }: Pick<Serving, 'observe' | 'warn'>,
  peer: Peer,
  where: string,
  error: unknown,
): void {
  if (observe) observe({ kind: 'failure', peer, where, error });
  else warn(where, error);
}

/** Clients can cause failures, so each place warns at most once in this time; the next warning counts what it stands for. */
const QUIET_MILLISECONDS = 60_000;
/** Places of failures that are remembered: there are about twenty. */
const MAX_PLACES = 100;

const HOOK_FAILED = 'MAILSLUICE_HOOK_FAILED';
const HINT = 'The option observe gets every failure.';
const TEXT_CHARACTERS = 500;

interface Quiet {
  readonly until: number;
  missed: number;
}

/** Makes the warnings of one server. `where` names the place. */
export function makeWarnings(): Serving['warn'] {
  const quiet = new Map<string, Quiet>();
  return (where, error) => {
    const now = performance.now();
    const before = quiet.get(where);
    if (before && now < before.until) {
      before.missed++;
      return;
    }
    if (quiet.size >= MAX_PLACES) quiet.clear();
    quiet.set(where, { until: now + QUIET_MILLISECONDS, missed: 0 });
    const more = before?.missed ? ` (and ${before.missed} more since the last warning)` : '';
    process.emitWarning(`SmtpServer: ${where} failed: ${textOf(error)}${more}`, {
      type: 'MailsluiceWarning',
      code: read(() => codeOfFailure(error), HOOK_FAILED),
      detail: read(() => placeOf(error), HINT),
    });
  };
}

/** What was thrown may be anything, whose members throw too. */
function read(what: () => string, otherwise: string): string {
  try {
    return what();
  } catch {
    return otherwise;
  }
}

function textOf(error: unknown): string {
  return read(() => {
    const name = error instanceof Error && error.name !== 'Error' ? `${error.name}: ` : '';
    return printable(`${name}${messageOf(error)}`, TEXT_CHARACTERS);
  }, 'a value that cannot be shown was thrown');
}

function codeOfFailure(error: unknown): string {
  const isOurs =
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    error.code.startsWith('MAILSLUICE_');
  return isOurs ? String(error.code) : HOOK_FAILED;
}

/** Where in the embedder's code it was thrown: the first line of the stack that is a place. */
function placeOf(error: unknown): string {
  const stack = error instanceof Error && typeof error.stack === 'string' ? error.stack : '';
  const place = stack.split('\n').find((line) => /^\s+at /.test(line));
  return place === undefined ? HINT : `${printable(place.trim(), TEXT_CHARACTERS)}\n${HINT}`;
}

/** An observer is not part of the service: what it throws must not touch a session. */
export function makeSafe(observe: (event: ServerEvent) => void): (event: ServerEvent) => void {
  return (event) => {
    try {
      const done: unknown = observe(event);
      if (isPromise(done)) Promise.resolve(done).catch(warnOfObserver);
    } catch (error) {
      warnOfObserver(error);
    }
  };
}

function warnOfObserver(error: unknown): void {
  try {
    process.emitWarning(error instanceof Error ? error : String(error));
  } catch {
    process.emitWarning('SmtpServer: observe failed');
  }
}
