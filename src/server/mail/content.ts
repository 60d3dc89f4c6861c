// The octets of one mail on their way to its readers: at the pace of the slowest, in bounded memory.
import type { MailGoneError } from '../errors.ts';

/** Octets that may wait for the slowest reader: what a mail costs while its hook does something else. */
const MAX_WAITING_OCTETS = 262_144;
/** What a chunk costs beside its octets, so that a client which sends single octets is bounded too. */
const CHUNK_OVERHEAD_OCTETS = 256;

type Result = IteratorResult<Buffer, undefined>;
interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

const DONE: Result = { done: true, value: undefined };

export class MailContent {
  readonly #resume: () => void;
  readonly #readers = new Set<MailReader>();
  #chunks: Buffer[] = [];
  /** The index in the whole mail of the first chunk that is held. */
  #first = 0;
  #heldOctets = 0;
  #isFull = false;
  #isEnded = false;
  #gone: MailGoneError | undefined;

  /** `resume` is called once there is room again after a `write` that returned false. */
  constructor(resume: () => void) {
    this.#resume = resume;
  }

  /** A reader from the first octet on. What it did not read is held for it until it is closed. */
  addReader(): MailReader {
    const reader = new MailReader(this);
    this.#readers.add(reader);
    return reader;
  }

  write(chunk: Buffer): boolean {
    if (this.#readers.size === 0 || this.#gone) return true;
    this.#chunks.push(chunk);
    this.#heldOctets += chunk.length + CHUNK_OVERHEAD_OCTETS;
    for (const reader of this.#readers) reader.wake();
    this.#isFull = this.#heldOctets > MAX_WAITING_OCTETS;
    return !this.#isFull;
  }

  end(): void {
    this.#isEnded = true;
    for (const reader of this.#readers) reader.wake();
  }

  /** Reading on fails with `error`. */
  abort(error: MailGoneError): void {
    this.#gone = error;
    this.#chunks = [];
    for (const reader of this.#readers) reader.wake();
  }

  /** @internal What comes at a position: a chunk, the end, or nothing yet. Throws when the mail is gone. */
  at(position: number): Result | undefined {
    if (this.#gone) throw this.#gone;
    const chunk = this.#chunks[position - this.#first];
    if (chunk) return { done: false, value: chunk };
    return this.#isEnded ? DONE : undefined;
  }

  /** @internal A reader moved on. */
  trim(): void {
    let slowest = Number.POSITIVE_INFINITY;
    for (const reader of this.#readers) slowest = Math.min(slowest, reader.position);
    const count = Math.min(slowest - this.#first, this.#chunks.length);
    for (const chunk of this.#chunks.splice(0, count)) {
      this.#heldOctets -= chunk.length + CHUNK_OVERHEAD_OCTETS;
    }
    this.#first += count;
    if (!this.#isFull || this.#heldOctets > MAX_WAITING_OCTETS / 2) return;
    this.#isFull = false;
    this.#resume();
  }

  /** @internal */
  remove(reader: MailReader): void {
    if (this.#readers.delete(reader)) this.trim();
  }
}

/** One pass over a mail's octets. */
export class MailReader implements AsyncIterator<Buffer, undefined> {
  readonly #content: MailContent;
  #waiting: Waiting | undefined;
  #isClosed = false;
  position = 0;

  constructor(content: MailContent) {
    this.#content = content;
  }

  async next(): Promise<Result> {
    if (this.#isClosed) return DONE;
    const result = this.#content.at(this.position);
    if (result) return this.#take(result);
    if (this.#waiting) throw new TypeError('next(): expected one call at a time, got two');
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** Reads no further: what is left of the mail does not wait for this reader. */
  async return(): Promise<Result> {
    this.close();
    return DONE;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#content.remove(this);
    this.#waiting?.resolve(DONE);
    this.#waiting = undefined;
  }

  /** @internal There may be something new. */
  wake(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    try {
      const result = this.#content.at(this.position);
      if (!result) return;
      this.#waiting = undefined;
      waiting.resolve(this.#take(result));
    } catch (error) {
      this.#waiting = undefined;
      waiting.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #take(result: Result): Result {
    if (result.done === true) return result;
    this.position++;
    this.#content.trim();
    return result;
  }
}
