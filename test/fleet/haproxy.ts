// Debian's HAProxy in front of several tasks: TCP, the client's address in a PROXY header, and a task out of
// turn while its /ready does not answer 200.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export const HAPROXY = '/usr/sbin/haproxy';

/** One port in front, and where its connections go. */
export interface Frontend {
  readonly port: number;
  readonly tasks: readonly { readonly port: number; readonly healthPort: number }[];
}

const START_MILLIS = 10_000;

export class HaProxy implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Settles when every front port takes connections. */
  static async start(frontends: readonly Frontend[]): Promise<HaProxy> {
    const folder = mkdtempSync(join(tmpdir(), 'mailsluice-fleet-'));
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, configuration(frontends));
    execFileSync(HAPROXY, ['-c', '-q', '-f', file]);
    const child = spawn(HAPROXY, ['-db', '-f', file], { stdio: 'ignore' });
    const proxy = new HaProxy(child, folder);
    const deadline = Date.now() + START_MILLIS;
    for (const { port } of frontends) {
      while (!(await isListening(port))) {
        if (Date.now() > deadline || child.exitCode !== null) {
          await proxy[Symbol.asyncDispose]();
          throw new Error('HAProxy does not listen');
        }
        await pause(20);
      }
    }
    return proxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function configuration(frontends: readonly Frontend[]): string {
  const sections = frontends.map(({ port, tasks }) => {
    const servers = tasks.map(
      (task, index) =>
        `  server task${index} 127.0.0.1:${task.port} check port ${task.healthPort} send-proxy-v2`,
    );
    return [`listen front${port}`, `  bind 127.0.0.1:${port}`, ...servers].join('\n');
  });
  return `defaults
  mode tcp
  balance roundrobin
  option httpchk GET /ready
  option redispatch
  retries 3
  timeout connect 2s
  timeout check 2s
  timeout client 120s
  timeout server 120s
  default-server inter 200ms fall 2 rise 1
${sections.join('\n')}
`;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
