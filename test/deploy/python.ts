// The Python packages that judge a deployment, in a virtual environment that the tests make for themselves.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { failureOf, installOnce, requireInCi } from '../support/install-once.ts';

const folder = fileURLToPath(new URL('.python', import.meta.url));
const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));

/** Whether the packages are there, and otherwise the reason. */
export type Python =
  | { readonly ok: true; readonly bin: string }
  | { readonly ok: false; readonly reason: string };

/** Installs the pinned packages. In CI a failure is an error, so that nothing is skipped. */
export function preparePython(): Python {
  const bin = `${folder}/bin`;
  const failure = installOnce(
    folder,
    readFileSync(requirements, 'utf8'),
    () =>
      failureOf('python3', ['-m', 'venv', folder]) ??
      failureOf(`${bin}/pip`, ['install', '--quiet', '--requirement', requirements]),
  );
  if (failure === undefined) return { ok: true, bin };
  const reason = `no Python packages for the deployment: ${failure}`;
  requireInCi(reason);
  return { ok: false, reason };
}
