// The Python packages that judge a deployment, in a virtual environment that the tests make for themselves.
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
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.python', import.meta.url));
const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));
const installed = `${folder}/installed.txt`;

/** Whether the packages are there, and otherwise the reason. */
export type Python =
  | { readonly ok: true; readonly bin: string }
  | { readonly ok: false; readonly reason: string };

/** Another worker installs while this folder is there; an older one is of a process that was killed. */
const lock = `${folder}.lock`;
const LOCK_MILLISECONDS = 600_000;
const LOOK_MILLISECONDS = 500;

/** Installs the pinned packages, once for each list of them. In CI a failure is an error, so that nothing is skipped. */
export function preparePython(): Python {
  while (!hasLock())
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MILLISECONDS);
  try {
    return install();
  } finally {
    rmdirSync(lock);
  }
}

function hasLock(): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > LOCK_MILLISECONDS) rmdirSync(lock);
    return false;
  }
}

function install(): Python {
  const wanted = readFileSync(requirements, 'utf8');
  const bin = `${folder}/bin`;
  if (existsSync(installed) && readFileSync(installed, 'utf8') === wanted) return { ok: true, bin };
  rmSync(folder, { recursive: true, force: true });
  const reason =
    failureOf('python3', ['-m', 'venv', folder]) ??
    failureOf(`${bin}/pip`, ['install', '--quiet', '--requirement', requirements]);
  if (reason === undefined) {
    writeFileSync(installed, wanted);
    return { ok: true, bin };
  }
  if (process.env['CI'] === 'true') throw new Error(`${reason}; CI runs every test, see .ci/run`);
  return { ok: false, reason };
}

function failureOf(program: string, args: readonly string[]): string | undefined {
  const { status, error, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (status === 0) return undefined;
  const last = stderr?.trim().split('\n').at(-1) ?? '';
  return `no Python packages for the deployment: ${program}: ${error?.message ?? last}`;
}
