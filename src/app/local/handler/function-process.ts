import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HANDLER_FILE, MEMORY_MEGABYTES, type Report, type ReportedError } from './messages.ts';

/** How an invocation ended. */
export type InvocationEnd =
  | { readonly kind: 'returned'; readonly result: unknown }
  | { readonly kind: 'threw'; readonly error: ReportedError }
  | { readonly kind: 'not-loaded'; readonly error: ReportedError }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'crashed'; readonly error: ReportedError }
  /** The program ends. */
  | { readonly kind: 'stopped' };

export interface FunctionOptions {
  /** The module, as an absolute path. */
  readonly file: string;
  readonly timeoutMillis: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** What is kept of the log of one invocation. */
const LOG_CHARACTERS = 65_536;
/** The most files that are looked at for changes. */
const MAX_FILES = 500;

/** One process that runs a handler, until it ends, times out, or a file of it changes. */
export class FunctionProcess {
  readonly #options: FunctionOptions;
  readonly #child: ChildProcess;
  readonly #loaded: Promise<ReportedError | undefined>;
  /** Path → time of its last change. */
  readonly #files = new Map<string, number>();
  #isStopped = false;
  #log = '';

  constructor(options: FunctionOptions) {
    this.#options = options;
    this.#watch(options.file);
    const name = 'mailsluice-local';
    // The sources as they are, or as they are built.
    const program = new URL(`handler-process${extname(import.meta.url)}`, import.meta.url);
    this.#child = fork(fileURLToPath(program), [], {
      cwd: process.cwd(),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [`--max-old-space-size=${MEMORY_MEGABYTES}`],
      env: {
        ...process.env,
        AWS_LAMBDA_FUNCTION_NAME: name,
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(MEMORY_MEGABYTES),
        AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
        AWS_LAMBDA_LOG_STREAM_NAME: randomUUID(),
        LAMBDA_TASK_ROOT: dirname(options.file),
        _HANDLER: 'index.handler',
        TZ: ':UTC',
        ...options.environment,
        [HANDLER_FILE]: options.file,
      },
    });
    // What the handler prints is for the person: standard output may be JSON for a program.
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        process.stderr.write(text);
        this.#log = (this.#log + text).slice(0, LOG_CHARACTERS);
      });
    }
    // Without this, a message that cannot be sent to a process that has ended would end the program.
    this.#child.on('error', () => undefined);
    const { promise, resolve } = Promise.withResolvers<ReportedError | undefined>();
    this.#loaded = promise;
    this.#child.on('message', (report: Report) => {
      if (report.kind === 'file') this.#watch(report.path);
      if (report.kind === 'loaded') resolve(undefined);
      if (report.kind === 'not-loaded') resolve(report.error);
    });
    // What crashed while it was loaded.
    this.#child.once('exit', () => resolve(this.#exitError()));
  }

  /** The reason why the module is of no use, once it is known. */
  get loadError(): Promise<ReportedError | undefined> {
    return this.#loaded;
  }

  /** Whether it can be invoked again. */
  get isAlive(): boolean {
    return !this.#isStopped && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Whether a file of it is not what it was when it was loaded. */
  get isChanged(): boolean {
    return [...this.#files].some(([path, changed]) => timeOf(path) !== changed);
  }

  /** Runs the handler once; never rejects. Beyond the timeout the process is ended. */
  async invoke(event: object): Promise<InvocationEnd> {
    const { timeoutMillis } = this.#options;
    const timer = Promise.withResolvers<InvocationEnd>();
    // The time that the module takes to load counts too, as that of a first invocation.
    const timeout = setTimeout(() => timer.resolve({ kind: 'timed-out' }), timeoutMillis);
    const listening = new AbortController();
    try {
      const end = await Promise.race([this.#run(event, listening.signal), timer.promise]);
      if (end.kind === 'timed-out') await this.stop();
      return end;
    } finally {
      clearTimeout(timeout);
      listening.abort();
    }
  }

  async #run(event: object, signal: AbortSignal): Promise<InvocationEnd> {
    const deadline = Date.now() + this.#options.timeoutMillis;
    const ended = Promise.withResolvers<InvocationEnd>();
    const onMessage = (report: Report): void => {
      if (report.kind === 'returned' || report.kind === 'threw') ended.resolve(report);
    };
    const onExit = (): void =>
      ended.resolve(
        this.#isStopped ? { kind: 'stopped' } : { kind: 'crashed', error: this.#exitError() },
      );
    this.#child.on('message', onMessage);
    this.#child.once('exit', onExit);
    signal.addEventListener('abort', () => {
      this.#child.off('message', onMessage);
      this.#child.off('exit', onExit);
    });
    const error = await this.#loaded;
    if (!this.isAlive) onExit();
    else if (error !== undefined) return { kind: 'not-loaded', error };
    else this.#child.send({ event, requestId: randomUUID(), deadline });
    return await ended.promise;
  }

  /** What the handler printed since the last time this was asked. */
  async takeLog(): Promise<string> {
    // What it printed before its answer is in the pipe, and may be read behind the answer.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const log = this.#log;
    this.#log = '';
    return log;
  }

  /** Ends the process at once. */
  async stop(): Promise<void> {
    const wasAlive = this.isAlive;
    this.#isStopped = true;
    if (!wasAlive) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  #exitError(): ReportedError {
    const { exitCode, signalCode } = this.#child;
    const how = signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`;
    return { name: 'Runtime.ExitError', message: `the process of the handler ended with ${how}` };
  }

  #watch(path: string): void {
    if (this.#files.size < MAX_FILES) this.#files.set(path, timeOf(path));
  }
}

/** Of the last change; 0 where there is no such file. */
function timeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
