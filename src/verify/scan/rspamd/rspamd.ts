// rspamd by HTTP: the whole mail with its envelope goes to /checkv2.
import { type Dispatcher, Pool } from 'undici';
import { CircuitBreaker } from '../circuit-breaker.ts';
import { failed } from '../failure.ts';
import type { ScanFailure, ScannedMail, SpamOptions, SpamOutcome } from '../options.ts';
import { Slots } from '../slots.ts';
import { parseAnswer } from './answer.ts';
import { envelopeHeaders } from './envelope-headers.ts';

export interface RspamdOptions extends SpamOptions {
  readonly hostname: string;
  readonly timeoutMillis: number;
}

/** Far more than the symbols and URLs of one mail. */
const MAX_ANSWER_OCTETS = 512 * 1024;
const MAX_HEADER_OCTETS = 16 * 1024;
const MAX_CONNECTIONS = 16;
/** rspamd is near: a connection that takes longer is none. */
const CONNECT_MILLIS = 3000;
/** How long an idle connection is kept. */
const IDLE_MILLIS = 10_000;
/** An older connection takes no further request, so that a change of the name in the DNS is followed. */
const MAX_AGE_MILLIS = 60_000;

export class Rspamd implements AsyncDisposable {
  readonly #options: RspamdOptions;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #slots: Slots;
  readonly #breaker = new CircuitBreaker();

  constructor(options: RspamdOptions) {
    this.#options = options;
    const { origin, pathname } = new URL(options.url);
    const connections = options.maxConnections ?? MAX_CONNECTIONS;
    this.#path = `${pathname.replace(/\/+$/, '')}/checkv2`;
    this.#slots = new Slots({ count: connections });
    this.#pool = new Pool(origin, {
      connections,
      pipelining: 1,
      allowH2: false,
      connectTimeout: Math.min(CONNECT_MILLIS, options.timeoutMillis),
      keepAliveTimeout: IDLE_MILLIS,
      clientTtl: MAX_AGE_MILLIS,
      maxHeaderSize: MAX_HEADER_OCTETS,
      // The deadline of the mail stands for both.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Settles within `timeoutMillis`, or when `signal` ends it; never rejects. */
  async scan(
    mail: ScannedMail,
    chunks: readonly Buffer[] | undefined,
    signal: AbortSignal,
  ): Promise<SpamOutcome> {
    const octets = (chunks ?? []).reduce((sum, { length }) => sum + length, 0);
    if (chunks === undefined || octets > this.#options.maxOctets) {
      return { kind: 'not-scanned', because: 'too-large' };
    }
    if (!this.#breaker.admits()) {
      return failed('circuit-open', 'rspamd has failed several times in a row');
    }
    const deadline = new Deadline(this.#options.timeoutMillis, signal);
    try {
      const release = await this.#takeSlot(deadline);
      if (release === undefined) return failed('busy', 'all connections were in use');
      try {
        const outcome = await this.#exchange(mail, chunks, octets, deadline);
        // Given up by the caller: that says nothing of rspamd.
        if (!signal.aborted) this.#breaker.record(outcome.kind === 'failed');
        return outcome;
      } finally {
        release();
      }
    } finally {
      deadline[Symbol.dispose]();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool.destroy();
  }

  #takeSlot(deadline: Deadline): Promise<(() => void) | undefined> {
    return new Promise((resolve) => {
      const cancel = this.#slots.request(() => resolve(() => this.#slots.release()));
      deadline.onOver(() => {
        cancel();
        resolve(undefined);
      });
    });
  }

  async #exchange(
    mail: ScannedMail,
    chunks: readonly Buffer[],
    octets: number,
    deadline: Deadline,
  ): Promise<SpamOutcome> {
    const { hostname, password } = this.#options;
    const headers = [
      ...envelopeHeaders(mail, hostname),
      'Content-Length',
      String(octets),
      ...(password === undefined ? [] : ['Password', password]),
    ];
    // undici takes any iterable, and writes the next part when the socket has room for it. Its types do not say so.
    const body = chunks as unknown as Buffer;
    const request = { method: 'POST', path: this.#path, headers, body } as const;
    const first = await this.#attempt(request, deadline);
    // A kept connection may have ended just before. To scan a mail twice does no harm.
    if (first.kind !== 'failed' || first.reason !== 'cut') return first;
    return deadline.isOver ? first : this.#attempt(request, deadline);
  }

  /** The request that waits for a connection does not see its signal, so that the deadline is looked at here. */
  #attempt(request: Dispatcher.RequestOptions, deadline: Deadline): Promise<SpamOutcome> {
    return new Promise((resolve) => {
      deadline.onOver(() =>
        resolve(failed('timeout', `no answer in ${this.#options.timeoutMillis} ms`)),
      );
      this.#ask({ ...request, signal: deadline.signal }).then(resolve, (error: unknown) =>
        resolve(failureOf(error)),
      );
    });
  }

  async #ask(request: Dispatcher.RequestOptions): Promise<SpamOutcome> {
    const { statusCode, body } = await this.#pool.request(request);
    const parts: Buffer[] = [];
    let octets = 0;
    for await (const part of body as AsyncIterable<Buffer>) {
      octets += part.length;
      // Leaving the loop ends the connection.
      if (octets > MAX_ANSWER_OCTETS) {
        return failed('answer', `expected at most ${MAX_ANSWER_OCTETS} octets, got more`);
      }
      parts.push(part);
    }
    return parseAnswer(statusCode, Buffer.concat(parts).toString());
  }
}

/** The end of the time of one mail. */
class Deadline implements Disposable {
  readonly #ended = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #caller: AbortSignal;

  constructor(millis: number, caller: AbortSignal) {
    this.#caller = caller;
    this.#timer = setTimeout(this.#end, millis);
    caller.addEventListener('abort', this.#end);
    if (caller.aborted) this.#end();
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get isOver(): boolean {
    return this.signal.aborted;
  }

  onOver(action: () => void): void {
    if (this.isOver) action();
    else this.signal.addEventListener('abort', action);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener('abort', this.#end);
  }

  readonly #end = (): void => this.#ended.abort();
}

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

function failureOf(error: unknown): ScanFailure {
  const { name, code: given, message = '' } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  // The code of a DOMException is a number, and the parser of HTTP has none.
  const code = String(given ?? '');
  const detail = `${code} ${message}`.trim();
  if (UNREACHABLE.has(code) || /CERT|TLS|SSL/.test(code)) return failed('unreachable', detail);
  const isNoHttp = name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW';
  return failed(isNoHttp ? 'answer' : 'cut', detail);
}
