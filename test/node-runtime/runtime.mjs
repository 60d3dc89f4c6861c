// Which Node.js runs the program: the one that the lock file brings for this system, or the machine's own where that
// is new enough. Plain JavaScript for the Node.js that the machine has (20 or later).
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Type stripping and `crypto.argon2` (package.json, `engines`). */
const MINIMUM = [24, 7];
/** The systems for which the lock file brings a Node.js. */
const PACKAGES = ['linux-x64', 'linux-arm64', 'darwin-x64', 'win32-x64'];

/**
 * The program to run, or the sentence that says why there is none.
 * @param {{ modules: string, platform: string, architecture: string, execPath: string, version: string }} machine
 * @returns {{ node: string } | { problem: string }}
 */
export function findRuntime({ modules, platform, architecture, execPath, version }) {
  const system = `${platform}-${architecture}`;
  if (PACKAGES.includes(system)) {
    const windows = platform === 'win32';
    const brought = join(
      modules,
      `node-${windows ? 'win' : platform}-${architecture}`,
      'bin',
      windows ? 'node.exe' : 'node',
    );
    if (existsSync(brought)) return { node: brought };
  }
  return isNewEnough(version) ? { node: execPath } : { problem: problemOf(system, version) };
}

/**
 * The sentence that says why nothing can run on this system, even once the packages are installed.
 * @param {{ platform: string, architecture: string, version: string }} machine
 * @returns {string | undefined}
 */
export function systemProblem({ platform, architecture, version }) {
  const system = `${platform}-${architecture}`;
  if (PACKAGES.includes(system) || isNewEnough(version)) return undefined;
  return problemOf(system, version);
}

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]);
}

function problemOf(system, version) {
  return `mailsluice: expected Node.js ${MINIMUM.join('.')} or later on ${system}, got ${version}; install Node.js 24 from https://nodejs.org/en/download and run the command again`;
}

/** Ends the process with one sentence on a system that has no Node.js to run the program. */
export function requireSystem() {
  const problem = systemProblem(thisMachine());
  if (problem !== undefined) refuse(problem);
}

/** The runtime of this machine; ends the process with one sentence where there is none. */
export function requireRuntime(root) {
  const found = findRuntime({
    modules: join(root, 'node_modules'),
    execPath: process.execPath,
    ...thisMachine(),
  });
  return 'node' in found ? found.node : refuse(found.problem);
}

function thisMachine() {
  return {
    platform: process.platform,
    architecture: process.arch,
    version: process.versions.node,
  };
}

/** @returns {never} */
function refuse(problem) {
  process.stderr.write(`${problem}\n`);
  return process.exit(1);
}
