// The transparency procedure of RFC 5321 section 4.5.2, undone: a leading dot is removed from each line, and
// CRLF "." CRLF ends the data. Only CRLF ends a line (section 2.3.8), so that a bare CR or LF around a dot is
// data like any other (SMTP smuggling). Nothing else happens here.
import { CR, DOT, LF } from '../grammar/ascii.ts';

/** How much of CRLF "." CRLF the octets so far end with. */
const State = { Text: 0, Cr: 1, LineStart: 2, Dot: 3, DotCr: 4 } as const;
type State = (typeof State)[keyof typeof State];

const LONE_CR = Buffer.from('\r');

/** Views made of one chunk; past it the rest of the chunk is copied without its dots. */
const SPANS_PER_CHUNK = 32;

/** Decodes the data of one message, however the network cut it. */
export class DataDecoder {
  /** The CRLF of the DATA line counts as the one before the first line (RFC 5321 section 4.1.1.4). */
  #state: State = State.LineStart;

  /** A decoder that stands where this one does and goes its own way. */
  fork(): DataDecoder {
    const fork = new DataDecoder();
    fork.#state = this.#state;
    return fork;
  }

  /**
   * Adds the message octets of `chunk` from `start` on to `spans`, as views of it. Returns the index after
   * the end of the data, or -1 if it is not in this chunk. Where no dot follows an LF in these octets, who
   * knows it can say so and save the search.
   */
  decode(chunk: Buffer, start: number, spans: Buffer[], mayHaveDots = true): number {
    const end = chunk.length;
    const mostSpans = spans.length + SPANS_PER_CHUNK;
    let at = start;
    let from = start;
    let state: State = this.#state;

    while (at < end) {
      const byte = chunk[at];
      if (state === State.Cr && byte === LF) {
        state = State.LineStart;
        at++;
        continue;
      }
      if (state === State.LineStart && byte === DOT) {
        if (at > from) spans.push(chunk.subarray(from, at));
        state = State.Dot;
        from = ++at;
        if (spans.length >= mostSpans) return this.#compact(chunk, at, spans);
        continue;
      }
      if (state === State.Dot && byte === CR) {
        state = State.DotCr;
        at++;
        continue;
      }
      if (state === State.DotCr) {
        if (byte === LF) {
          this.#state = State.LineStart;
          return at + 1;
        }
        // The CR was the last octet of the chunk before: it is data after all.
        if (at === start) spans.push(LONE_CR);
      }
      const next = mayHaveDots ? chunk.indexOf('\r\n.', at, 'latin1') : -1;
      if (next !== -1) {
        state = State.LineStart;
        at = next + 2;
        continue;
      }
      state = endState(chunk, at);
      at = end;
    }

    const spanEnd = state === State.DotCr ? end - 1 : end;
    // Most chunks of a large message are all message, and need no view of their own.
    if (from === 0 && spanEnd === end) spans.push(chunk);
    else if (spanEnd > from) spans.push(chunk.subarray(from, spanEnd));
    this.#state = state;
    return -1;
  }

  /**
   * The rest of a chunk in which dots are so many that a view for each would cost more than a copy: one
   * octet at a time, into one span. `start` is just after a leading dot.
   */
  #compact(chunk: Buffer, start: number, spans: Buffer[]): number {
    const end = chunk.length;
    const kept = Buffer.allocUnsafe(end - start);
    let length = 0;
    let state = State.Dot as State;
    for (let at = start; at < end; at++) {
      // Nothing matters before the next CR.
      if (state === State.Text) {
        while (at < end && chunk[at] !== CR) kept[length++] = chunk[at++] as number;
        if (at === end) break;
      }
      // There is an octet at every index below the length.
      const byte = chunk[at] as number;
      if (state === State.Dot && byte === CR) {
        state = State.DotCr;
        continue;
      }
      if (state === State.DotCr) {
        if (byte === LF) {
          if (length > 0) spans.push(kept.subarray(0, length));
          this.#state = State.LineStart;
          return at + 1;
        }
        kept[length++] = CR;
        state = State.Text;
      }
      if (state === State.LineStart && byte === DOT) {
        state = State.Dot;
        continue;
      }
      kept[length++] = byte;
      if (byte === CR) state = State.Cr;
      else state = byte === LF && state === State.Cr ? State.LineStart : State.Text;
    }
    if (length > 0) spans.push(kept.subarray(0, length));
    this.#state = state;
    return -1;
  }
}

/** The state after `chunk`, in which nothing from `from` on is CRLF ".". */
function endState(chunk: Buffer, from: number): State {
  const last = chunk.length - 1;
  if (chunk[last] === CR) return State.Cr;
  return chunk[last] === LF && last > from && chunk[last - 1] === CR ? State.LineStart : State.Text;
}
