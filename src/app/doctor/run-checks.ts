// Runs checks side by side, each within its time. A check that fails or is late is a finding, not an error.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Finding, type NamedFinding, shown } from './finding.ts';

export interface Check {
  readonly name: string;
  readonly seconds: number;
  /** How much longer the check may take to remove what it made. Default 0. */
  readonly cleanupSeconds?: number;
  readonly run: (signal: AbortSignal) => Promise<readonly (Finding | NamedFinding)[]>;
}

/** A sentence for an error of AWS; `undefined` where it does not come from there. */
export type ExplainError = (error: unknown) => string | undefined;

/** The findings in the order of the checks; equal ones once. */
export async function runChecks(
  checks: readonly Check[],
  explain: ExplainError,
  interrupted: AbortSignal,
): Promise<NamedFinding[]> {
  const all = await Promise.all(checks.map((check) => runCheck(check, explain, interrupted)));
  const known = new Set<string>();
  return all.flat().filter(({ check, found }) => {
    const key = `${check} ${found}`;
    return !known.has(key) && known.add(key);
  });
}

async function runCheck(
  { name, seconds, cleanupSeconds = 0, run }: Check,
  explain: ExplainError,
  interrupted: AbortSignal,
): Promise<NamedFinding[]> {
  const limit = new AbortController();
  const late = Promise.withResolvers<Finding[]>();
  const end = (found: string): void => {
    late.resolve([unfinished(name, found)]);
    limit.abort();
  };
  const timer = setTimeout(() => end(`it did not end within ${seconds} s`), seconds * 1000);
  const interrupt = (): void => end('it was interrupted');
  if (interrupted.aborted) interrupt();
  else interrupted.addEventListener('abort', interrupt, { once: true });
  try {
    const running = attempt(name, () => run(limit.signal), explain);
    const findings = await Promise.race([late.promise, running]);
    if (cleanupSeconds > 0) await settledWithin(running, cleanupSeconds);
    return findings.map((finding) => ({ check: name, ...finding }));
  } finally {
    clearTimeout(timer);
    interrupted.removeEventListener('abort', interrupt);
  }
}

async function settledWithin(running: Promise<unknown>, seconds: number): Promise<void> {
  const timer = new AbortController();
  const limit = sleep(seconds * 1000, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([running, limit]);
  timer.abort();
}

async function attempt(
  name: string,
  run: () => Promise<readonly Finding[]>,
  explain: ExplainError,
): Promise<readonly Finding[]> {
  try {
    return await run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [unfinished(name, explain(error) ?? message)];
  }
}

function unfinished(name: string, found: string): Finding {
  return {
    level: 'unknown',
    found: `the check ${name} was not done: ${shown(found)}`,
    why: 'nothing is known of what it looks at',
    fix: 'remove the reason, then run the command again',
  };
}
