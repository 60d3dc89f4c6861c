// The octets of one message on their way in: decoded, counted, and given up when they break a rule.
import { BareNewlineSearch } from './bare-newline-search.ts';
import { DataDecoder } from './data-decoder.ts';
import type { Output } from './output.ts';
import type { SessionOptions } from './session-options.ts';

/** Takes the data of one message after its 354. */
export class MessageIntake {
  readonly #decoder = new DataDecoder();
  readonly #bareNewlines: BareNewlineSearch | null;
  readonly #maxMessageSize: number;
  readonly #spans: Buffer[] = [];
  #sizeInOctets = 0;
  #refusal: 'message-too-large' | 'bare-newline' | null = null;

  constructor(options: SessionOptions) {
    this.#bareNewlines = options.bareNewline === 'reject' ? new BareNewlineSearch() : null;
    this.#maxMessageSize = options.maxMessageSize;
  }

  /** Octets of the message so far, dots removed. */
  get sizeInOctets(): number {
    return this.#sizeInOctets;
  }

  /** The rule that was broken: the message is discarded already, and its end is awaited to say so. */
  get refusal(): 'message-too-large' | 'bare-newline' | null {
    return this.#refusal;
  }

  /** Takes `chunk` from `start` on. Returns the index after the end of the data, or -1. */
  take(chunk: Buffer, start: number, outputs: Output[]): number {
    const spans = this.#spans;
    const end = this.#decoder.decode(chunk, start, spans);
    if (this.#refusal === null) this.#check(chunk, start, end === -1 ? chunk.length : end, outputs);
    // Nothing of the chunk is held until the next one comes.
    spans.length = 0;
    return end;
  }

  #check(chunk: Buffer, start: number, end: number, outputs: Output[]): void {
    for (const span of this.#spans) this.#sizeInOctets += span.length;
    if (this.#bareNewlines?.find(chunk, start, end) === true) {
      this.#refusal = 'bare-newline';
      outputs.push({ kind: 'discard-message', cause: 'refused' });
    } else if (this.#sizeInOctets > this.#maxMessageSize) {
      this.#refusal = 'message-too-large';
      outputs.push({ kind: 'discard-message', cause: 'too-large' });
    } else {
      for (const span of this.#spans) outputs.push({ kind: 'write-message', span });
    }
  }
}
