// Programs that tests install for themselves into a folder, once for each list of what is wanted: by npm, by pip, by Go.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** An older lock is of a process that was killed. */
const LOCK_MILLISECONDS = 900_000;
const LOOK_MILLISECONDS = 500;

/**
 * Empties the folder and calls `install`, unless what is `wanted` was installed into it before. Workers take turns.
 * `install` gives the reason where it fails, and so does this.
 */
export function installOnce(
  folder: string,
  wanted: string,
  install: () => string | undefined,
): string | undefined {
  const lock = `${folder}.lock`;
  mkdirSync(dirname(folder), { recursive: true });
  while (!take(lock))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MILLISECONDS);
  try {
    const installed = join(folder, 'installed.txt');
    if (existsSync(installed) && readFileSync(installed, 'utf8') === wanted) return undefined;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    const reason = install();
    if (reason === undefined) writeFileSync(installed, wanted);
    return reason;
  } finally {
    rmdirSync(lock);
  }
}

function take(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > LOCK_MILLISECONDS) rmdirSync(lock);
    return false;
  }
}

export interface StepOptions {
  readonly folder?: string;
  /** Added to that of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Default 5 minutes. */
  readonly milliseconds?: number;
}

/** Runs one step of an installation; the last thing that it said, where it failed. */
export function failureOf(
  program: string,
  args: readonly string[],
  { folder, environment = {}, milliseconds = 300_000 }: StepOptions = {},
): string | undefined {
  const { status, error, stderr } = spawnSync(program, args, {
    ...(folder !== undefined && { cwd: folder }),
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    timeout: milliseconds,
  });
  if (status === 0) return undefined;
  return `${program}: ${error?.message ?? stderr.trim().split('\n').at(-1) ?? ''}`;
}

/** In CI nothing is skipped: every test runs there, by the packages that `.ci/run` installs. */
export function requireInCi(reason: string): void {
  if (process.env['CI'] === 'true') throw new Error(`${reason}; CI runs every test, see .ci/run`);
}
