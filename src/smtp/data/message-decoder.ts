// The octets of one message on their way in, from DATA or from BDAT, decoded to spans and counted. A message that
// breaks a rule is discarded at once; the reply comes after the end of the data.
import { CR, LF } from '../grammar/ascii.ts';
import { BareNewlineSearch } from './bare-newline-search.ts';
import { DataDecoder } from './data-decoder.ts';
import type { DiscardCause } from '../message.ts';
import { exceedsSizeLimit, MESSAGE_TOO_LARGE } from '../message-size-limit.ts';
import { NewlineNormalizer } from './newline-normalizer.ts';
import { BARE_NEWLINE, LEADING_DOT, scanNewlines } from './newline-scan.ts';
import type { Output } from '../output.ts';
import type { SessionOptions } from '../session-options.ts';

/** The rules that the octets of a message can break. */
export type MessageRule = typeof MESSAGE_TOO_LARGE | 'bare-newline';

const LONE_LF = Buffer.of(LF);
const NOTHING = Buffer.alloc(0);

/** Takes the octets of one message. */
export class MessageDecoder {
  /** Where bare newlines are refused. */
  readonly #search: BareNewlineSearch | null;
  /** Where they are normalized. */
  readonly #normalizer: NewlineNormalizer | null;
  readonly #maxMessageSize: number;
  readonly #data = new DataDecoder();
  /** The octet of DATA before the next one, as far as it matters to a scan. */
  #before = 0;
  #sizeInOctets = 0;
  #storedOctets = 0;
  #refusal: MessageRule | null = null;

  constructor({ bareNewline, maxMessageSize }: SessionOptions) {
    this.#search = bareNewline === 'reject' ? new BareNewlineSearch() : null;
    this.#normalizer = bareNewline === 'normalize' ? new NewlineNormalizer() : null;
    this.#maxMessageSize = maxMessageSize;
  }

  /** Octets of the message as received so far, dots removed. */
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
    if (this.#search !== null) return this.#searchData(this.#search, chunk, start, outputs);

    let found = LEADING_DOT;
    if (this.#normalizer !== null) {
      found = scanNewlines(chunk, start, chunk.length, this.#before);
      this.#before = chunk[chunk.length - 1] === CR ? CR : 0;
    }
    const end = this.#data.decode(chunk, start, spans, (found & LEADING_DOT) !== 0);
    this.#write(spans, (found & BARE_NEWLINE) === 0, outputs);
    return end;
  }

  /** The same where bare newlines are refused. */
  #searchData(search: BareNewlineSearch, chunk: Buffer, start: number, outputs: Output[]): number {
    const spans: Buffer[] = [];
    const found = scanNewlines(chunk, start, chunk.length, search.before);
    const before = (found & BARE_NEWLINE) === 0 ? null : this.#data.fork();
    const end = this.#data.decode(chunk, start, spans, (found & LEADING_DOT) !== 0);
    const bareNewline = search.find(chunk, start, end === -1 ? chunk.length : end, found);
    if (before === null || bareNewline === -1) {
      this.#write(spans, true, outputs);
    } else {
      const spansBefore: Buffer[] = [];
      before.decode(chunk.subarray(0, bareNewline), start, spansBefore);
      this.#refuseBareNewline(this.#sizeInOctets + octetsIn(spansBefore), outputs);
    }
    return end;
  }

  /** Takes octets of one of BDAT's chunks. */
  takeOctets(span: Buffer, outputs: Output[]): void {
    if (this.#refusal !== null) return;
    const bareNewline = this.#search?.find(span, 0, span.length) ?? -1;
    if (bareNewline !== -1) {
      this.#refuseBareNewline(this.#sizeInOctets + bareNewline, outputs);
      return;
    }
    const normalizer = this.#normalizer;
    const isClean =
      normalizer === null ||
      (scanNewlines(span, 0, span.length, normalizer.endsInCr ? CR : 0) & BARE_NEWLINE) === 0;
    this.#write([span], isClean, outputs);
  }

  /** BDAT's last chunk is complete; DATA ends with CRLF and needs no such call. */
  end(outputs: Output[]): void {
    if (this.#refusal !== null) return;
    if (this.#search?.endsInCr === true) {
      this.#refuse('bare-newline', 'refused', outputs);
    } else if (this.#normalizer?.endsInCr === true) {
      if (exceedsSizeLimit(++this.#storedOctets, this.#maxMessageSize)) {
        this.#refuse(MESSAGE_TOO_LARGE, 'too-large', outputs);
      } else {
        outputs.push({ kind: 'write-message', span: LONE_LF, received: NOTHING });
      }
    }
  }

  /**
   * Writes spans of the message, normalized where they may not be clean. The limit is on the message as it is stored,
   * in which each line end is two octets, as in the SIZE that a client declares (RFC 1870 section 3).
   */
  #write(spans: readonly Buffer[], isClean: boolean, outputs: Output[]): void {
    if (this.#normalizer !== null && !isClean) {
      this.#writeNormalized(this.#normalizer, spans, outputs);
      return;
    }
    this.#normalizer?.pass(spans.at(-1));
    const octets = octetsIn(spans);
    this.#sizeInOctets += octets;
    this.#storedOctets += octets;
    if (exceedsSizeLimit(this.#storedOctets, this.#maxMessageSize)) {
      this.#refuse(MESSAGE_TOO_LARGE, 'too-large', outputs);
      return;
    }
    for (const span of spans) outputs.push({ kind: 'write-message', span });
  }

  #writeNormalized(
    normalizer: NewlineNormalizer,
    spans: readonly Buffer[],
    outputs: Output[],
  ): void {
    const writes: Extract<Output, { kind: 'write-message' }>[] = [];
    for (const received of spans) {
      const span = normalizer.normalize(received);
      this.#sizeInOctets += received.length;
      this.#storedOctets += span.length;
      if (span === received) writes.push({ kind: 'write-message', span });
      else writes.push({ kind: 'write-message', span, received });
    }
    if (exceedsSizeLimit(this.#storedOctets, this.#maxMessageSize)) {
      this.#refuse(MESSAGE_TOO_LARGE, 'too-large', outputs);
    } else {
      outputs.push(...writes);
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
