// The header section in the stream of a message. It ends at the octet where `readHeaderSection` says that it ends, so that
// signatures are checked over the fields that everyone is shown.
import { HEADER_SECTION_OCTETS } from '../../../message/header-section.ts';

export interface HeaderOctets {
  /** `over-bound`: it does not end within `HEADER_SECTION_OCTETS`. */
  readonly kind: 'whole' | 'over-bound';
  /** From the first octet of the message, with the empty line where there is one; `over-bound`: what is within the bound. */
  readonly octets: Buffer;
  /** The message ended in its header section. */
  readonly isWholeMessage: boolean;
}

const NOTHING = Buffer.alloc(0);
const FIRST_OCTETS = 4096;
/** One more octet than the bound shows that the section is longer. */
const MOST_OCTETS = HEADER_SECTION_OCTETS + 1;
/** `CR LF` behind a byte order mark: until then, the start of the message is looked at anew. */
const START_OCTETS = 5;

/** Collects the header section while the message arrives; keeps none of the body. */
export class HeaderCollector {
  #held: Buffer = NOTHING;
  #length = 0;
  #header: HeaderOctets | undefined;

  /** Set as soon as the section has ended. */
  get header(): HeaderOctets | undefined {
    return this.#header;
  }

  /** Takes the next octets. Where the body begins in `span`: its length if it does not, 0 once the section has ended. */
  write(span: Buffer): number {
    if (this.#header !== undefined) return 0;
    const before = this.#length;
    const taken = Math.min(span.length, MOST_OCTETS - before);
    // Most header sections are within the first span: nothing behind them is copied.
    if (before > 0) this.#keep(span, taken);
    const octets = before > 0 ? this.#held.subarray(0, this.#length) : span.subarray(0, taken);
    const bodyStart = findBody(
      octets.subarray(0, HEADER_SECTION_OCTETS),
      before < START_OCTETS ? 0 : before - 2,
    );
    if (bodyStart !== -1) {
      this.#finish('whole', octets.subarray(0, bodyStart), false);
      return bodyStart - before;
    }
    if (octets.length === MOST_OCTETS) {
      this.#finish('over-bound', octets.subarray(0, HEADER_SECTION_OCTETS), false);
      return taken;
    }
    if (before === 0) this.#keep(span, taken);
    return span.length;
  }

  /** The message is whole: the section ends here unless it has ended before. */
  end(): HeaderOctets {
    return this.#header ?? this.#finish('whole', this.#held.subarray(0, this.#length), true);
  }

  #keep(span: Buffer, taken: number): void {
    const length = this.#length + taken;
    if (length > this.#held.length) {
      const size = Math.max(2 * this.#held.length, length, FIRST_OCTETS);
      const larger = Buffer.allocUnsafeSlow(Math.min(size, MOST_OCTETS));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    span.copy(this.#held, this.#length, 0, taken);
    this.#length = length;
  }

  #finish(kind: HeaderOctets['kind'], octets: Buffer, isWholeMessage: boolean): HeaderOctets {
    // A copy of its own: the span is not ours, and a slice would keep what is around it.
    const copy = Buffer.allocUnsafeSlow(octets.length);
    octets.copy(copy);
    this.#held = NOTHING;
    this.#header = { kind, octets: copy, isWholeMessage };
    return this.#header;
  }
}

/** The fields alone, one character for each octet: without a byte order mark and the empty line. */
export function fieldText({ kind, octets, isWholeMessage }: HeaderOctets): string {
  let end = octets.length;
  if (kind === 'whole' && !isWholeMessage) end -= octets[end - 2] === 0x0d ? 2 : 1;
  return octets.toString('latin1', fieldsStart(octets), end);
}

/** Where the text of the fields begins: behind a byte order mark, which `readHeaderSection` skips. */
function fieldsStart(octets: Buffer): number {
  return octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf ? 3 : 0;
}

/** The index behind the empty line, or -1. What is before `from` was searched. */
function findBody(octets: Buffer, from: number): number {
  const start = fieldsStart(octets);
  if (from <= start) {
    if (octets[start] === 0x0a) return start + 1;
    if (octets[start] === 0x0d && octets[start + 1] === 0x0a) return start + 2;
  }
  const crlf = octets.indexOf('\n\r\n', from, 'latin1');
  const lf = (crlf === -1 ? octets : octets.subarray(0, crlf + 1)).indexOf('\n\n', from, 'latin1');
  if (lf !== -1) return lf + 2;
  return crlf === -1 ? -1 : crlf + 3;
}
