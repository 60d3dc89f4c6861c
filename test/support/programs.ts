// Programs from Debian's packages, as the tests' clients.
import { spawn, spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

/**
 * Why a test that drives these programs cannot run here, or `undefined` where it can. In CI every program
 * that the tests know must be there, so that nothing is skipped unseen.
 */
export function missing(...names: readonly string[]): string | undefined {
  const absent = names.filter((name) => spawnSync('which', [name]).status !== 0);
  if (absent.length === 0) return undefined;
  const reason = `not installed: ${absent.join(', ')}`;
  if (process.env['CI'] === 'true') throw new Error(`${reason}; CI runs every test, see .ci/run`);
  return reason;
}

/** Skips the test, with the reason, where one of these programs is not installed. */
export function need(skip: TestContext['skip'], ...names: readonly string[]): void {
  const absent = missing(...names);
  skip(absent !== undefined, absent);
}

export interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program to its end, within a minute. */
export function runProgram(
  name: string,
  args: readonly string[],
  input?: string | Buffer,
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { timeout: 60_000, stdio: ['pipe', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    // A client that is refused early closes its input; what it printed tells the story.
    child.stdin.on('error', () => {});
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output: Buffer.concat(output).toString() }));
    child.stdin.end(input);
  });
}
