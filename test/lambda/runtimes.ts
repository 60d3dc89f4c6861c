// What runs functions as Lambda does: AWS's runtime interface client, which is part of Lambda's Node.js
// runtimes, and AWS's runtime interface emulator, which stands for the service. The tests make them for themselves.
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failureOf, installOnce } from '../support/install-once.ts';
import type { Missing } from '../support/other-versions.ts';

const folder = fileURLToPath(new URL('.runtimes', import.meta.url));

/** Of one step: Go and the native module are built. */
const MILLISECONDS = 600_000;
const CLIENT = 'aws-lambda-ric@4.0.2';
const EMULATOR =
  'github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie@v0.0.0-20261030222936-bef5c4ba774d';

export interface Emulator {
  /** The program of the runtime interface client. */
  readonly client: string;
  readonly emulator: string;
}

/**
 * Installs and builds client and emulator: two minutes, once. Otherwise the reason, in CI too: it needs a newer Go
 * than Debian's, cmake and a C++ compiler.
 */
export function prepareEmulator(): Emulator | Missing {
  const headers = dirname(dirname(process.execPath));
  if (!existsSync(join(headers, 'include/node'))) {
    return { reason: `no headers of Node.js in ${headers}` };
  }
  const missing = install('emulator', [CLIENT, EMULATOR], (place) => {
    const environment = {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      npm_config_nodedir: headers,
      GOBIN: join(place, 'bin'),
    };
    const options = { folder: place, environment, milliseconds: MILLISECONDS };
    return (
      failureOf('go', ['install', EMULATOR], options) ?? npmInstall(CLIENT, place, environment)
    );
  });
  return (
    missing ?? {
      client: join(folder, 'emulator/node_modules/aws-lambda-ric/index.mjs'),
      emulator: join(folder, 'emulator/bin/aws-lambda-rie'),
    }
  );
}

/** Into a folder of its own. */
function install(
  name: string,
  wanted: readonly string[],
  steps: (place: string) => string | undefined,
): Missing | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: 'Lambda runs on Linux, x64' };
  }
  const place = join(folder, name);
  const failure = installOnce(place, wanted.join('\n'), () => {
    // Without one npm would install into this project. The installation of the client builds a native module.
    const manifest = { private: true, allowScripts: { 'aws-lambda-ric': true } };
    writeFileSync(join(place, 'package.json'), JSON.stringify(manifest));
    return steps(place);
  });
  return failure === undefined ? undefined : { reason: `no Lambda runtimes: ${failure}` };
}

function npmInstall(
  wanted: string,
  place: string,
  environment: Readonly<Record<string, string>> = {},
): string | undefined {
  const args = ['install', '--no-audit', '--no-fund', wanted];
  return failureOf('npm', args, { folder: place, environment, milliseconds: MILLISECONDS });
}
