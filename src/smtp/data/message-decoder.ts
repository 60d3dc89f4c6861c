// The octets of one message on their way in, from DATA or from BDAT, decoded to spans and counted. A message that
// breaks a rule is discarded at once; the client is told after the end of the data.
import { BareNewlineSearch } from './bare-newline-search.ts';
import { DataDecoder } from './data-decoder.ts';
import type { DiscardCause } from '../message.ts';
import { exceedsSizeLimit, MESSAGE_TOO_LARGE } from '../message-size-limit.ts';
import { LEADING_DOT, scanNewlines } from './newline-scan.ts';
import type { Output } from '../output.ts';
import type { SessionOptions } from '../session-options.ts';

/** The rules that the octets of a message can break. */
export type MessageRule = typeof MESSAGE_TOO_LARGE | 'bare-newline';

/** Takes the octets of one message. */
export class MessageDecoder {
  readonly #bareNewlines: BareNewlineSearch | null;
  readonly #maxMessageSize: number;
  readonly #data = new DataDecoder();
  #sizeInOctets = 0;
  #refusal: MessageRule | null = null;

  /** `isBinary`: the client said BODY=BINARYMIME, in which a bare newline is an octet like any other. */
  constructor(options: SessionOptions, isBinary: boolean) {
    const looks = options.bareNewline === 'reject' && !isBinary;
    this.#bareNewlines = looks ? new BareNewlineSearch() : null;
    this.#maxMessageSize = options.maxMessageSize;
  }

  /** Octets of the message so far, dots removed. */
  get sizeInOctets(): number {
    return this.#sizeInOctets;
  }

  /** The rule that was broken first; nothing was written from then on. */
  get refusal(): MessageRule | null {
    return this.#refusal;
  }

  /** Takes DATA's octets, `chunk` from `start` on. Returns the index after the end of the data, or -1. */
  takeData(chunk: Buffer, start: number, outputs: Output[]): number {
    const spans: Buffer[] = [];
    if (this.#refusal !== null) return this.#data.decode(chunk, start, spans);

    const search = this.#bareNewlines;
    const found =
      search === null ? LEADING_DOT : scanNewlines(chunk, start, chunk.length, search.before);
    const before = this.#data.fork();
    const end = this.#data.decode(chunk, start, spans, (found & LEADING_DOT) !== 0);
    const bareNewline = search?.find(chunk, start, end === -1 ? chunk.length : end, found) ?? -1;
    const sizeBefore = this.#sizeInOctets;
    this.#sizeInOctets += octetsIn(spans);
    if (bareNewline !== -1) {
      const spansBefore: Buffer[] = [];
      before.decode(chunk.subarray(0, bareNewline), start, spansBefore);
      this.#refuseBareNewline(sizeBefore + octetsIn(spansBefore), outputs);
    } else if (exceedsSizeLimit(this.#sizeInOctets, this.#maxMessageSize)) {
      this.#refuse(MESSAGE_TOO_LARGE, 'too-large', outputs);
    } else {
      for (const span of spans) outputs.push({ kind: 'write-message', span });
    }
    return end;
  }

  /** Takes octets of one of BDAT's chunks. */
  takeOctets(span: Buffer, outputs: Output[]): void {
    if (this.#refusal !== null) return;
    const bareNewline = this.#bareNewlines?.find(span, 0, span.length) ?? -1;
    const sizeBefore = this.#sizeInOctets;
    this.#sizeInOctets += span.length;
    if (bareNewline !== -1) {
      this.#refuseBareNewline(sizeBefore + bareNewline, outputs);
    } else if (exceedsSizeLimit(this.#sizeInOctets, this.#maxMessageSize)) {
      this.#refuse(MESSAGE_TOO_LARGE, 'too-large', outputs);
    } else {
      outputs.push({ kind: 'write-message', span });
    }
  }

  /** BDAT's last chunk is complete; DATA ends with CRLF and needs no such call. */
  end(outputs: Output[]): void {
    if (this.#refusal === null && this.#bareNewlines?.endsInCr === true) {
      this.#refuse('bare-newline', 'refused', outputs);
    }
  }

  /** The rule is the one that was broken first, however the network cut the octets. */
  #refuseBareNewline(sizeThere: number, outputs: Output[]): void {
    if (exceedsSizeLimit(sizeThere, this.#maxMessageSize))
      this.#refuse(MESSAGE_TOO_LARGE, 'too-large', outputs);
    else this.#refuse('bare-newline', 'refused', outputs);
  }

  #refuse(rule: MessageRule, cause: DiscardCause, outputs: Output[]): void {
    this.#refusal = rule;
    outputs.push({ kind: 'discard-message', cause });
  }
}

function octetsIn(spans: readonly Buffer[]): number {
  let octets = 0;
  for (const span of spans) octets += span.length;
  return octets;
}
