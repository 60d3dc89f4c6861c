// Builds the image of the unmodified Dockerfile on a stand-in for its base: Debian's minimal system with the
// Node.js of this project, under the public base's name. Everything in a storage of its own.
import { execFile, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildArtifacts } from '../../infra/tools/build-artifacts.ts';
import { missing } from '../support/programs.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(tmpdir(), 'mailsluice-container');
const storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run')];
export const IMAGE = 'localhost/mailsluice-test';

/** What a task on Fargate may do and no more; the rest is what a machine without systemd asks for. */
const RUN = [
  ...['--network', 'host', '--pull=never', '--no-healthcheck', '--cap-drop', 'ALL'],
  ...['--read-only', '--read-only-tmpfs=false', '--security-opt', 'no-new-privileges'],
  ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'],
];

const run = promisify(execFile);

/** Why images cannot be built or run here. */
export function cannotRun(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux';
  return missing('buildah', 'podman', 'runc', 'debootstrap');
}

export function podmanArguments(args: readonly string[]): string[] {
  return [...storage, '--cgroup-manager=cgroupfs', '--runtime', 'runc', ...args];
}

/** Runs podman to its end. */
export async function podman(...args: string[]): Promise<string> {
  return (await run('podman', podmanArguments(args), { maxBuffer: 1e8 })).stdout;
}

/** The Dockerfile without the digest that a release pins, which a stand-in cannot have. */
function readDockerfile(): string {
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  return dockerfile.replace(/^(FROM \S+)@sha256:[0-9a-f]{64}$/m, '$1');
}

/** The base that the Dockerfile names. */
export function baseName(): string {
  const [, name] = /^FROM (\S+)$/m.exec(readDockerfile()) ?? [];
  if (name === undefined) throw new Error('expected one FROM in the Dockerfile');
  return name;
}

export async function buildImage(): Promise<void> {
  await buildArtifacts();
  mkdirSync(folder, { recursive: true });
  await makeBase(baseName());
  const dockerfile = join(folder, 'Dockerfile');
  writeFileSync(dockerfile, readDockerfile());
  await run('buildah', [
    ...storage,
    ...['bud', '--isolation', 'chroot', '--pull-never', '--format', 'docker', '--no-cache'],
    ...['-f', dockerfile, '-t', IMAGE, join(root, 'dist/container')],
  ]);
}

async function makeBase(name: string): Promise<void> {
  const known = await podman('images', '--quiet', name);
  if (known.trim() !== '') return;
  const suite = /-(\w+)-slim$/.exec(name)?.[1] ?? 'stable';
  const system = join(folder, 'base');
  rmSync(system, { recursive: true, force: true });
  mkdirSync(system, { recursive: true });
  await run('debootstrap', ['--variant=minbase', suite, system], { maxBuffer: 1e8 });
  copyFileSync(process.execPath, join(system, 'usr/local/bin/node'));
  const pack = spawn('tar', ['-C', system, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const unpack = spawn(
    'podman',
    podmanArguments([
      'import',
      '--change',
      'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      '-',
      name,
    ]),
    { stdio: [pack.stdout, 'ignore', 'inherit'] },
  );
  const [code] = await new Promise<[number | null]>((resolve, reject) => {
    unpack.on('error', reject).on('close', (exit) => resolve([exit]));
  });
  if (code !== 0) throw new Error(`podman import: exit code ${code}`);
  if (existsSync(system)) rmSync(system, { recursive: true });
}

/** Arguments for a container that runs as a task would. */
export function runArguments(
  options: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  command: readonly string[] = [],
): string[] {
  const settings = Object.entries(environment).flatMap(([name, value]) => [
    '--env',
    `${name}=${value}`,
  ]);
  return podmanArguments(['run', '--rm', ...RUN, ...options, ...settings, IMAGE, ...command]);
}
