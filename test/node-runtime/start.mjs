// `npm start`: installs once, then runs `mailsluice local` from the sources.
// Plain JavaScript for the Node.js that the machine has (20 or later); the program itself runs on
// the Node.js 24 that the lock file brings, or on the machine's own where that is new enough.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { requireRuntime, requireSystem } from './runtime.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const installed = `${root}node_modules/.package-lock.json`;
const isInstalled =
  existsSync(installed) &&
  statSync(installed).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs;

if (!isInstalled) {
  // Before the installation, which builds with the same Node.js.
  requireSystem();
  process.stderr.write('mailsluice: installing, once …\n');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) process.exit(npm.status ?? 1);
}

const program = spawn(
  requireRuntime(root),
  [`${root}src/cli/main.ts`, 'local', ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
// A terminal's Ctrl-C reaches the whole process group; this parent only waits for the program's own end.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => program.kill('SIGTERM'));
program.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)));
