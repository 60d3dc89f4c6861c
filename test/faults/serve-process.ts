// `mailsluice serve` as a process of its own that can be killed and started again on the same ports.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestAws } from '../support/aws.ts';
import { makeCertificate } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { imageEnvironment } from '../support/image-environment.ts';
import { mainFile } from '../support/local.ts';
import { UNVERIFIED } from '../support/unverified.ts';

export interface ServeOptions {
  readonly aws: TestAws;
  /** On top of the embedded AWS's: which service is reached where. */
  readonly environment: Readonly<Record<string, string>>;
  /** Sections of the configuration in place of the ordinary ones. */
  readonly configuration?: (ports: { readonly port: number }) => object;
  /** Called for each line of the log. Default: there is no log but errors, which nobody reads. */
  readonly onEvent?: (event: LoggedEvent) => void;
}

/** One line of the log. */
export interface LoggedEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

export class ServeProcess implements AsyncDisposable {
  readonly port: number;
  readonly healthPort: number;
  readonly #config: string;
  readonly #options: ServeOptions;
  #child: ChildProcess | undefined;

  private constructor(port: number, healthPort: number, config: object, options: ServeOptions) {
    this.port = port;
    this.healthPort = healthPort;
    this.#config = JSON.stringify(config);
    this.#options = options;
  }

  /** Settles when it takes mail. */
  static async start(options: ServeOptions): Promise<ServeProcess> {
    const [port, healthPort, { cert, key }] = await Promise.all([
      freePort(),
      freePort(),
      makeCertificate(),
    ]);
    const { resources } = options.aws;
    const config = {
      hostname: 'mx.in.example',
      listeners: [{ name: 'mx', host: '127.0.0.1', port, tls: 'starttls', auth: 'none' }],
      tls: { certificates: [{ cert, key }] },
      store: { bucket: resources.bucket },
      notify: { topicArn: resources.topicArn },
      routes: [{ recipients: ['*@in.example'] }],
      verify: UNVERIFIED,
      health: { host: '127.0.0.1', port: healthPort },
      shutdown: { grace: 0, deadline: '30s' },
      log: { level: options.onEvent === undefined ? 'error' : 'info' },
      ...options.configuration?.({ port }),
    };
    const serve = new ServeProcess(port, healthPort, config, options);
    await serve.startAgain();
    return serve;
  }

  /** Settles when it takes mail. */
  async startAgain(): Promise<void> {
    const { aws, environment, onEvent } = this.#options;
    const child = spawn(process.execPath, [mainFile, 'serve', '--config', this.#config], {
      env: { ...process.env, ...imageEnvironment(), ...aws.environment, ...environment },
      stdio: ['ignore', onEvent === undefined ? 'ignore' : 'pipe', 'inherit'],
    });
    this.#child = child;
    if (onEvent !== undefined && child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        onEvent(JSON.parse(line) as LoggedEvent);
      });
    }
    while (!(await isLive(this.healthPort))) {
      if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}`);
      await pause(20);
    }
  }

  /** Of the process that runs now. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends the signal and gives the exit code; `null` after SIGKILL, and where it runs no more. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return null;
    const ended = once(child, 'exit');
    child.kill(signal);
    const [code] = (await ended) as [number | null];
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
  }
}

/** The health server is the last to listen, and needs no PROXY header as a listener may. */
async function isLive(healthPort: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${healthPort}/live`)).ok;
  } catch {
    return false;
  }
}
