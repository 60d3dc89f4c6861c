// `mailsluice local --handler`: what an event source mapping does between a queue and a function, with a batch size of one.
import type { Message } from '@aws-sdk/client-sqs';
import { readBatchResponse } from './batch-response.ts';
import { FunctionProcess, type InvocationEnd } from './function-process.ts';
import type { HandlerQueue } from './handler-queue.ts';
import { mailIdOf, sqsEventOf } from './lambda-event.ts';
import type { ReportedError } from './messages.ts';

export interface HandlerRunnerOptions {
  readonly queue: HandlerQueue;
  /** An absolute path. */
  readonly file: string;
  readonly timeoutMillis: number;
  readonly attempts: number;
  readonly retrySeconds: number;
  readonly environment: Readonly<Record<string, string>>;
  /** `log`: what the handler printed meanwhile, cut to 65,536 characters. */
  readonly onEvent: (event: HandlerEvent, log: string) => void;
}

/** One line of `mailsluice local`. */
export type HandlerEvent =
  | {
      readonly event: 'handler-invoked';
      /** `failed`: it threw, or its answer names the message. */
      readonly outcome: 'done' | 'failed' | 'timed-out' | 'crashed' | 'not-loaded';
      /** Of the mail. */
      readonly messageId?: string;
      readonly attempt: number;
      readonly attempts: number;
      /** The message goes to the dead-letter queue. */
      readonly isLast?: true;
      readonly millis: number;
      readonly result?: unknown;
      readonly error?: ReportedError;
    }
  | { readonly event: 'handler-loaded'; readonly file: string; readonly isReload: boolean }
  | { readonly event: 'handler-not-loaded'; readonly file: string; readonly error: ReportedError };

/** Why a process is started: the first one, after a change of the files, after the end of the one before. */
type Why = 'start' | 'change' | 'ended';

/** How often the files of the handler are looked at. */
const LOOK_MILLIS = 500;
/** After a queue that does not answer. */
const PAUSE_MILLIS = 1000;

export class HandlerRunner implements AsyncDisposable {
  readonly #options: HandlerRunnerOptions;
  readonly #ending = new AbortController();
  readonly #loop: Promise<void>;
  readonly #look: NodeJS.Timeout;
  #process: FunctionProcess;
  #isBusy = false;

  constructor(options: HandlerRunnerOptions) {
    this.#options = options;
    this.#process = this.#load('start');
    this.#look = setInterval(() => void this.#reloadIfChanged(), LOOK_MILLIS);
    this.#loop = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#look);
    this.#ending.abort();
    await this.#process.stop();
    await this.#loop;
    this.#options.queue.close();
  }

  async #run(): Promise<void> {
    const { queue } = this.#options;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        const message = await queue.receive(signal);
        if (message !== undefined) await this.#handle(message);
      } catch {
        // The embedded service is closing, or a request was cut by the end of the program.
        if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLIS));
      }
    }
  }

  async #handle(message: Message): Promise<void> {
    const { queue, attempts, retrySeconds, onEvent } = this.#options;
    this.#isBusy = true;
    const started = performance.now();
    try {
      if (this.#process.isChanged) await this.#replace('change');
      else if (!this.#process.isAlive) await this.#replace('ended');
      const end = await this.#process.invoke(sqsEventOf(message, queue.arn));
      if (end.kind === 'stopped') return;
      const millis = Math.round(performance.now() - started);
      const attempt = Number(message.Attributes?.['ApproximateReceiveCount'] ?? 1);
      const log = await this.#process.takeLog();
      const messageId = mailIdOf(message);
      const settled = settle(end, message.MessageId ?? '', this.#options.timeoutMillis);
      const isDone = settled.outcome === 'done';
      if (isDone) await queue.delete(message);
      else await queue.release(message, retrySeconds);
      onEvent(
        {
          event: 'handler-invoked',
          ...settled,
          ...(messageId !== undefined && { messageId }),
          attempt,
          attempts,
          ...(!isDone && attempt >= attempts && { isLast: true as const }),
          millis,
        },
        log,
      );
    } finally {
      this.#isBusy = false;
    }
  }

  async #reloadIfChanged(): Promise<void> {
    if (this.#isBusy || !this.#process.isChanged) return;
    await this.#replace('change');
  }

  async #replace(why: Why): Promise<void> {
    const old = this.#process;
    // At once, so that the next look does not reload it again.
    this.#process = this.#load(why);
    await old.stop();
  }

  #load(why: Why): FunctionProcess {
    const { file, timeoutMillis, environment, onEvent } = this.#options;
    const loading = new FunctionProcess({ file, timeoutMillis, environment });
    void loading.loadError.then((error) => {
      // A newer one has taken its place.
      if (loading !== this.#process || this.#ending.signal.aborted) return;
      if (error !== undefined) onEvent({ event: 'handler-not-loaded', file, error }, '');
      else if (why !== 'ended') {
        onEvent({ event: 'handler-loaded', file, isReload: why === 'change' }, '');
      }
    });
    return loading;
  }
}

function settle(
  end: Exclude<InvocationEnd, { readonly kind: 'stopped' }>,
  messageId: string,
  timeoutMillis: number,
): Pick<HandlerEvent & { event: 'handler-invoked' }, 'outcome' | 'result' | 'error'> {
  switch (end.kind) {
    case 'returned': {
      const { result } = end;
      const read = readBatchResponse(result, messageId);
      if (read.ok) return { outcome: 'done', result };
      return { outcome: 'failed', result, error: { name: 'Error', message: read.reason } };
    }
    case 'threw':
      return { outcome: 'failed', error: end.error };
    case 'timed-out': {
      const seconds = (timeoutMillis / 1000).toFixed(2);
      const message = `Task timed out after ${seconds} seconds`;
      return { outcome: 'timed-out', error: { name: 'Sandbox.Timedout', message } };
    }
    case 'crashed':
      return { outcome: 'crashed', error: end.error };
    case 'not-loaded':
      return { outcome: 'not-loaded', error: end.error };
  }
}
