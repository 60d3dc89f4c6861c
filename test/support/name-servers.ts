// DNS servers from Debian's packages, on loopback: Knot DNS has zones, Unbound and dnsmasq ask it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { freePort } from './free-port.ts';

/** A server that runs until the test has ended, or until it is disposed. */
export class NameServer implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
  }

  /** `127.0.0.1:port`. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await once(this.#child, 'exit');
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Zone files by origin. Each gets its SOA and NS record, with 60 seconds for what does not exist. */
export async function startKnot(zones: Readonly<Record<string, string>>): Promise<NameServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'mailsluice-knot-'));
  const origins = Object.keys(zones);
  await mkdir(join(folder, 'db'));
  await Promise.all(
    origins.map((origin, index) =>
      writeFile(
        join(folder, `${index}.zone`),
        `$ORIGIN ${origin}.\n$TTL 300\n@ SOA ns.${origin}. root.${origin}. 1 3600 600 86400 60\n` +
          `@ NS ns.${origin}.\nns.${origin}. A 127.0.0.1\n${zones[origin]}\n`,
        'latin1',
      ),
    ),
  );
  const file = join(folder, 'knot.conf');
  await writeFile(
    file,
    `server:
  listen: [ 127.0.0.1@${port}, ::1@${port} ]
  rundir: ${folder}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: ${join(folder, 'db')}
log:
  - target: stderr
    any: info
template:
  - id: default
    storage: ${folder}
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
zone:
${origins.map((origin, index) => `  - domain: ${origin}.\n    file: ${index}.zone\n`).join('')}`,
  );
  return start('knotd', ['-c', file], /server started/, port, folder);
}

/** A recursive resolver that asks `authority` for these zones. */
export async function startUnbound(
  authority: NameServer,
  origins: readonly string[],
): Promise<NameServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'mailsluice-unbound-'));
  const file = join(folder, 'unbound.conf');
  await writeFile(
    file,
    `server:
  interface: 127.0.0.1
  port: ${port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  num-threads: 1
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "test." nodefault

remote-control:
  control-enable: no
${origins.map((origin) => `stub-zone:\n  name: "${origin}."\n  stub-addr: 127.0.0.1@${authority.port}\n`).join('')}`,
  );
  return start('unbound', ['-d', '-c', file], /start of service/, port, folder);
}

/** A forwarder that asks `upstream` for everything. */
export async function startDnsmasq(upstream: NameServer): Promise<NameServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'mailsluice-dnsmasq-'));
  const args = [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    `--port=${port}`,
    '--listen-address=127.0.0.1',
    '--bind-interfaces',
    '--no-resolv',
    '--no-hosts',
    '--no-poll',
    `--server=127.0.0.1#${upstream.port}`,
    '--user=',
    '--group=',
    '--pid-file=',
    '--log-facility=-',
  ];
  return start('dnsmasq', args, /started, version/, port, folder);
}

async function start(
  name: string,
  args: readonly string[],
  ready: RegExp,
  port: number,
  folder: string,
): Promise<NameServer> {
  const child = spawn(name, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const server = new NameServer(port, child, folder);
  const printed: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const read = (line: string): void => {
      printed.push(line);
      // A zone that cannot be read fails all its questions, which the test would take for answers.
      const fault = printed.find((each) => /\berror: /.test(each));
      if (fault !== undefined) reject(new Error(`${name}: ${fault}`));
      else if (ready.test(line)) resolve();
    };
    createInterface(child.stdout).on('line', read);
    createInterface(child.stderr).on('line', read);
    child.on('error', reject);
    child.on('exit', (code) => {
      reject(new Error(`${name} ended with ${code}:\n${printed.join('\n')}`));
    });
  }).catch(async (error: unknown) => {
    await server[Symbol.asyncDispose]();
    throw error;
  });
  return server;
}

/** Disposes the server when the test has ended. */
export function untilTestEnds<S extends AsyncDisposable>(server: S): S {
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}
