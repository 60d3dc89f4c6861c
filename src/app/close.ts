import type { SmtpServer } from '../server/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import { type Undo, undoAll } from './undo.ts';

export interface CloseOptions {
  readonly graceSeconds: number;
  /** From the call on, the grace included. */
  readonly deadlineSeconds: number;
  readonly hurry?: AbortSignal;
}

/** The time that the parts always have to write their last lines and close their sockets. */
const LAST_SECONDS = 2;

/** Normal service for the grace, then 421 at idle points and to silent clients, and at the deadline to everyone. */
export async function closeApp(
  server: SmtpServer,
  started: readonly Undo[],
  metrics: Metrics,
  { graceSeconds, deadlineSeconds, hurry }: CloseOptions,
): Promise<{ readonly cut: number }> {
  const begun = Date.now();
  const secondsLeft = (): number => Math.max(0, deadlineSeconds - (Date.now() - begun) / 1000);
  await pause(graceSeconds, hurry);
  const { cut } = await server.close({ drain: secondsLeft(), ...(hurry && { signal: hurry }) });
  metrics.record('DrainSeconds', {}, (Date.now() - begun) / 1000);
  // A commit goes on without its session; it too ends at the deadline.
  const done = new AbortController();
  const isStopped = await Promise.race([
    undoAll(started).then(() => true),
    pause(Math.max(LAST_SECONDS, secondsLeft()), hurry, done.signal).then(() => false),
  ]);
  done.abort();
  return { cut: isStopped ? cut : cut + 1 };
}

/** Waits, or less when one of the signals fires. */
function pause(seconds: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> {
  return new Promise((resolve) => {
    if (seconds <= 0 || signals.some((signal) => signal?.aborted)) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(end, seconds * 1000);
    for (const signal of signals) signal?.addEventListener('abort', end);
  });
}
