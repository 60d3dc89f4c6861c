// jest and ts-jest, as `cdk init` puts them into a project: installed once, outside of this project's own packages.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../node_modules/.cache/jest-project', import.meta.url));
const MANIFEST = JSON.stringify({
  private: true,
  dependencies: { jest: '30.5.2', 'ts-jest': '29.4.15', typescript: '5.9.3' },
});

/** Where jest is, or why it is not there. */
export type Jest =
  | { readonly ok: true; readonly program: string; readonly tsJest: string }
  | { readonly ok: false; readonly reason: string };

/** Installs the packages, once for each list of them. In CI a failure is an error, so that nothing is skipped. */
export function prepareJest(): Jest {
  const done = join(folder, 'installed.json');
  const jest = {
    ok: true,
    program: join(folder, 'node_modules/jest/bin/jest.js'),
    tsJest: join(folder, 'node_modules/ts-jest'),
  } as const;
  if (existsSync(done) && readFileSync(done, 'utf8') === MANIFEST) return jest;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), MANIFEST);
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, stderr, error } = spawnSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 180_000,
  });
  if (status === 0) {
    writeFileSync(done, MANIFEST);
    return jest;
  }
  const reason = `jest cannot be installed: ${error?.message ?? stderr.trim().split('\n').at(-1)}`;
  if (process.env['CI'] === 'true') throw new Error(`${reason}; CI runs every test, see .ci/run`);
  return { ok: false, reason };
}
