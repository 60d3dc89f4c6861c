// jest and ts-jest, as `cdk init` puts them into a project: installed once, outside of this project's own packages.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failureOf, installOnce, requireInCi } from '../support/install-once.ts';

const folder = fileURLToPath(new URL('../../node_modules/.cache/jest-project', import.meta.url));
const MANIFEST = JSON.stringify({
  private: true,
  dependencies: { jest: '30.5.2', 'ts-jest': '29.4.15', typescript: '5.9.3' },
});

/** Where jest is, or why it is not there. */
export type Jest =
  | { readonly ok: true; readonly program: string; readonly tsJest: string }
  | { readonly ok: false; readonly reason: string };

/** Installs the packages. In CI a failure is an error, so that nothing is skipped. */
export function prepareJest(): Jest {
  const failure = installOnce(folder, MANIFEST, () => {
    writeFileSync(join(folder, 'package.json'), MANIFEST);
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    return failureOf('npm', args, { folder });
  });
  if (failure === undefined) {
    return {
      ok: true,
      program: join(folder, 'node_modules/jest/bin/jest.js'),
      tsJest: join(folder, 'node_modules/ts-jest'),
    };
  }
  const reason = `jest cannot be installed: ${failure}`;
  requireInCi(reason);
  return { ok: false, reason };
}
