// moto's server as AWS, and the CDK command line against it.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-port.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const REGION = 'eu-west-1';
/** moto's own. */
export const ACCOUNT = '123456789012';

export interface Finished {
  readonly code: number;
  readonly output: string;
}

export interface ShellOptions {
  /** Added to that of the engine. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Default: the folder of the package. */
  readonly folder?: string;
}

export class Engine {
  readonly endpoint: string;
  /** What a program needs to reach the engine instead of AWS. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #server: ChildProcess;
  readonly #pythonBin: string;
  #log = '';

  private constructor(port: number, pythonBin: string) {
    this.#pythonBin = pythonBin;
    // moto finds the bucket of a template's address in its path only on "localhost".
    this.endpoint = `http://localhost:${port}`;
    this.environment = {
      AWS_ENDPOINT_URL: this.endpoint,
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_EC2_METADATA_DISABLED: 'true',
      CDK_DISABLE_NOTICES: '1',
      // Of this engine, since two command lines cannot synthesize into one folder.
      CDK_OUTPUT: `${root}node_modules/.cache/cdk.out-${port}`,
      NO_COLOR: '1',
      PATH: `${root}node_modules/.bin:${process.env['PATH'] ?? ''}`,
    };
    mkdirSync(`${root}node_modules/.cache`, { recursive: true });
    this.#server = spawn(
      `${pythonBin}/python`,
      [`${root}test/deploy/engine`, String(port), `${root}node_modules`],
      { env: { ...process.env, ...this.environment }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [this.#server.stdout, this.#server.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    }
  }

  static async start(pythonBin: string): Promise<Engine> {
    const engine = new Engine(await freePort(), pythonBin);
    for (let tries = 0; tries < 200; tries++) {
      if (engine.#server.exitCode !== null) break;
      try {
        await fetch(`${engine.endpoint}/moto-api/`);
        return engine;
      } catch {
        await setTimeout(250);
      }
    }
    await engine.stop();
    throw new Error(`the engine did not start:\n${engine.#log}`);
  }

  async stop(): Promise<void> {
    rmSync(this.environment['CDK_OUTPUT'] ?? '', { recursive: true, force: true });
    if (this.#server.exitCode !== null) return;
    const closed = once(this.#server, 'close');
    this.#server.kill('SIGKILL');
    await closed;
  }

  /** The types of resources that moto's CloudFormation passed over. */
  get ignoredTypes(): readonly string[] {
    const found = this.#log.matchAll(/No Moto CloudFormation support for (\S+)/g);
    return [...new Set([...found].map(([, type]) => type ?? ''))].sort();
  }

  /** The end of what the engine wrote, without the requests. */
  get lastWords(): string {
    const lines = this.#log.split('\n').filter((line) => !/"\S*(GET|POST|PUT|HEAD) /.test(line));
    return lines.slice(-12).join('\n');
  }

  /** What our own custom resources were asked, in order. */
  get handled(): readonly string[] {
    return [...this.#log.matchAll(/^handled (.+)$/gm)].map(([, what]) => what ?? '');
  }

  /** The calls that the rights of a role refused, in order. */
  get denied(): readonly string[] {
    return [...this.#log.matchAll(/^denied (.+)$/gm)].map(([, what]) => what ?? '');
  }

  /** Runs a command line as an operator types it, in the folder of the package. */
  run(command: string): Promise<Finished> {
    const [program = '', ...args] = command.split(' ');
    return this.#execute(program, args, {});
  }

  /** Runs what an operator types into a shell, with the AWS CLI of the virtual environment. */
  shell(script: string, { environment = {}, folder = root }: ShellOptions = {}): Promise<Finished> {
    return this.#execute(
      'bash',
      ['-euo', 'pipefail', '-c', script],
      {
        AWS_DEFAULT_REGION: REGION,
        AWS_PAGER: '',
        ...environment,
        PATH: `${this.environment['PATH'] ?? ''}:${this.#pythonBin}`,
      },
      folder,
    );
  }

  #execute(
    program: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
    folder = root,
  ): Promise<Finished> {
    return new Promise((resolve) => {
      const child = execFile(
        program,
        args,
        {
          cwd: folder,
          env: { ...process.env, ...this.environment, ...environment },
          timeout: 600_000,
          maxBuffer: 1e8,
        },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
          resolve({ code, output: `${stdout}${stderr}` });
        },
      );
      child.stdin?.end();
    });
  }
}
