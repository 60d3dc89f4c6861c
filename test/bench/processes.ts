// Servers as processes of their own: started on a free port, waited for, measured from outside, ended.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const READY_MILLISECONDS = 20_000;

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningServer {
  readonly port: number;
  readonly pid: number;
  /** Microseconds of CPU, user and system, of all its threads so far. */
  cpu(): number;
  /** Octets of memory that are its own or shared, now. */
  rss(): number;
  /** The most there ever was. */
  rssPeak(): number;
  /** Whether it ended by itself. */
  hasEnded(): boolean;
  stop(): Promise<void>;
}

/** For profiles: `BENCH_NODE_FLAGS="--cpu-prof --cpu-prof-dir=profiles"`. */
export function nodeFlags(): string[] {
  return (process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
}

/** Starts a server that listens on the port that `command` is given, and waits until it does. */
export async function startServer(
  command: (port: number) => ServerCommand,
): Promise<RunningServer> {
  const port = await freePort();
  const { program, args, env = {} } = command(port);
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => {
    complaint = (complaint + text.toString()).slice(-2000);
  });
  await Promise.race([once(child, 'spawn'), once(child, 'error').then(([error]) => fail(error))]);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} did not start`);
  await waitUntilListening(child, port, () => complaint);
  return {
    port,
    pid,
    cpu: () => cpuMicroseconds(pid),
    rss: () => statusOctets(pid, 'VmRSS'),
    rssPeak: () => statusOctets(pid, 'VmHWM'),
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    stop: () => stop(child),
  };
}

/** Ends a child process that this process started: by SIGTERM, and by force where that does not help. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(timer);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function waitUntilListening(
  child: ChildProcess,
  port: number,
  complaint: () => string,
): Promise<void> {
  const deadline = Date.now() + READY_MILLISECONDS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) break;
    const socket = connect({ port, host: '127.0.0.1' });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await pause(50);
  }
  await stop(child);
  throw new Error(`${child.spawnargs.join(' ')}: does not listen\n${complaint()}`);
}

/** Nanoseconds on a CPU are the first number of a thread's schedstat; threads are not ended in our servers. */
function cpuMicroseconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [onCpu = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(
      ' ',
    );
    nanoseconds += Number(onCpu);
  }
  return nanoseconds / 1000;
}

function statusOctets(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
}

function fail(error: unknown): never {
  throw error;
}
