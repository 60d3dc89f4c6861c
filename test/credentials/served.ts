// `mailsluice serve` as a separate process beside the embedded AWS, with every octet that it prints kept.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EmbeddedAws } from '../../src/app/local/embedded-aws.ts';
import { makeCertificate } from '../support/certificates.ts';
import { UNVERIFIED } from '../support/unverified.ts';

const mainFile = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export interface Served extends AsyncDisposable {
  readonly pid: number;
  port(listener: string): number;
  /** All of standard output and standard error so far. */
  output(): string;
}

/** Starts it with listeners `mx`, `submission` and `smtps` on free ports; `changes` go over the rest. */
export async function serve(
  aws: Pick<EmbeddedAws, 'environment' | 'resources'>,
  changes: object = {},
): Promise<Served> {
  const { bucket, topicArn, table } = aws.resources;
  const listener = { host: '127.0.0.1', port: 0 };
  const configuration = {
    hostname: 'localhost',
    listeners: [
      { ...listener, name: 'mx', tls: 'starttls', auth: 'none' },
      { ...listener, name: 'submission', tls: 'starttls', auth: 'required' },
      { ...listener, name: 'smtps', tls: 'implicit', auth: 'required' },
    ],
    tls: { certificates: [await makeCertificate({ names: ['localhost'] })] },
    store: { bucket },
    notify: { topicArn },
    credentials: { table },
    health: { host: '127.0.0.1', port: 0 },
    log: { level: 'debug', addresses: 'full' },
    shutdown: { grace: 0 },
    verify: UNVERIFIED,
    ...changes,
  };
  const child = spawn(process.execPath, [mainFile, 'serve'], {
    env: {
      PATH: process.env['PATH'],
      ...aws.environment,
      MAILSLUICE_CONFIG: JSON.stringify(configuration),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = new Printed(child);
  const ports = await printed.ports(configuration.listeners.length);
  return {
    pid: child.pid ?? 0,
    port: (name) => ports.get(name) ?? 0,
    output: () => printed.text,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      // Not `exit`: after `close` all of the output has come.
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

class Printed {
  readonly #child: ChildProcess;
  #wake: () => void = () => {};
  text = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.text += chunk.toString();
        this.#wake();
      });
    }
    child.on('exit', () => this.#wake());
  }

  /** The port of each listener, once so many of them listen. */
  async ports(listeners: number): Promise<Map<string, number>> {
    for (;;) {
      const lines = this.text.matchAll(/"event":"listening".*?"listener":"(\w+)".*?"port":(\d+)/g);
      const ports = new Map([...lines].map(([, name = '', port]) => [name, Number(port)]));
      if (ports.size === listeners) return ports;
      if (this.#child.exitCode !== null) throw new Error(`mailsluice serve ended:\n${this.text}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
