// The octets of one mail, read once. What S3 sends goes through here, so that a silent connection ends, an aborted invocation
// ends the download, and a second reader is refused instead of being given an empty mail.
import { Readable } from 'node:stream';
import { MailAlreadyReadError } from './errors.ts';

export interface MailStreamOptions {
  /** How long the source may send nothing while somebody waits for it. */
  readonly silenceMillis: number;
  /** The error of a source that failed or was silent. */
  readonly explain: (error: unknown) => Error;
  readonly signal: AbortSignal | undefined;
}

export class MailStream extends Readable {
  readonly #source: Readable;
  readonly #octets: AsyncIterator<Buffer>;
  readonly #options: MailStreamOptions;
  readonly #abort: () => void;
  /** What the source failed with, why it was aborted, or what it was destroyed with. */
  #failure: Error | undefined;

  constructor(source: Readable, options: MailStreamOptions) {
    super();
    // An abort may come before anybody reads: the reader then gets the error, and the process does not end by it.
    this.on('error', () => undefined);
    source.on('error', () => undefined);
    this.#source = source;
    this.#options = options;
    this.#octets = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const { signal } = options;
    this.#abort = () => this.#fail(errorOf(signal?.reason));
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener('abort', this.#abort, { once: true });
  }

  override _read(): void {
    void this.#pull();
  }

  async #pull(): Promise<void> {
    const { silenceMillis, explain } = this.#options;
    // Only while somebody waits: a slow reader is not a silent source.
    const timer = setTimeout(() => {
      this.#fail(explain(new DOMException(`no octet for ${silenceMillis} ms`, 'TimeoutError')));
    }, silenceMillis);
    try {
      const { done, value } = await this.#octets.next();
      this.push(done ? null : value);
    } catch (error) {
      this.#fail(explain(error));
    } finally {
      clearTimeout(timer);
    }
  }

  #fail(error: Error): void {
    if (this.destroyed) return;
    this.#failure = error;
    this.destroy(error);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#source.destroy();
    // A reader who leaves its loop destroys the stream with an AbortError; nothing has failed.
    if (error !== null && error.name !== 'AbortError') this.#failure ??= error;
    done(this.#failure);
  }

  override pipe<T extends NodeJS.WritableStream>(
    destination: T,
    options?: { readonly end?: boolean },
  ): T {
    this.#requireUnread();
    return super.pipe(destination, options);
  }

  override [Symbol.asyncIterator](): NodeJS.AsyncIterator<Buffer> {
    this.#requireUnread();
    return super[Symbol.asyncIterator]();
  }

  #requireUnread(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.readableDidRead && !this.destroyed) return;
    throw new MailAlreadyReadError(
      'the stream of this mail was read or destroyed before: call fetch again, or keep the octets of the first reading',
    );
  }
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('the download was aborted');
}
