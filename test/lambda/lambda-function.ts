// One function in AWS's runtime interface emulator, run by the runtime interface client, as in Lambda.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../support/free-port.ts';
import type { Emulator } from './runtimes.ts';

export interface LambdaFunctionOptions {
  /** The folder with the code. */
  readonly folder: string;
  /** `index.handler` */
  readonly handler: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export class LambdaFunction implements AsyncDisposable {
  readonly #url: string;
  readonly #stop: () => Promise<void>;
  readonly #output: () => string;
  readonly #hasEnded: () => boolean;

  private constructor(
    url: string,
    stop: () => Promise<void>,
    output: () => string,
    hasEnded: () => boolean,
  ) {
    this.#url = url;
    this.#hasEnded = hasEnded;
    this.#stop = stop;
    this.#output = output;
  }

  static async start(
    { client, emulator }: Emulator,
    node: string,
    { folder, handler, environment = {} }: LambdaFunctionOptions,
  ): Promise<LambdaFunction> {
    const [port, api] = [await freePort(), await freePort()];
    const args = [
      '--runtime-interface-emulator-address',
      `127.0.0.1:${port}`,
      '--runtime-api-address',
      `127.0.0.1:${api}`,
    ];
    const child = spawn(emulator, [...args, node, client, handler], {
      cwd: folder,
      // Of this process's environment nothing: not its path to Node.js, and no credentials.
      env: {
        PATH: '/usr/bin:/bin',
        LAMBDA_TASK_ROOT: folder,
        AWS_LAMBDA_FUNCTION_NAME: 'test',
        AWS_LAMBDA_FUNCTION_TIMEOUT: '30',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
        AWS_REGION: 'us-east-1',
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => output.push(chunk));
    }
    const exit = once(child, 'exit');
    const stop = async (): Promise<void> => {
      child.kill('SIGKILL');
      await exit;
    };
    const url = `http://127.0.0.1:${port}/2015-03-31/functions/function/invocations`;
    return new LambdaFunction(
      url,
      stop,
      () => Buffer.concat(output).toString(),
      () => child.exitCode !== null || child.signalCode !== null,
    );
  }

  /** Where the Lambda API is; the name of the function is `function`. */
  get endpoint(): string {
    return new URL(this.#url).origin;
  }

  /** What the function printed, with the emulator's own lines. */
  get output(): string {
    return this.#output();
  }

  /** The answer to one event; that of a failure has `errorType`. */
  async invoke(event: unknown): Promise<unknown> {
    for (;;) {
      try {
        const response = await fetch(this.#url, {
          method: 'POST',
          body: JSON.stringify(event),
          signal: AbortSignal.timeout(60_000),
        });
        const text = await response.text();
        return text === '' ? null : (JSON.parse(text) as unknown);
      } catch (error) {
        if (this.#hasEnded())
          throw new Error(`the emulator ended: ${this.output}`, { cause: error });
        // The emulator does not listen yet.
        if (!/ECONNREFUSED/.test(String(Object(error)['cause']?.code))) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}
