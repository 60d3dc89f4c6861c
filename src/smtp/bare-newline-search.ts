// Looks for a CR without LF, or an LF without CR, in the data of one message (RFC 5321 section 2.3.8: they
// must not be sent). Knows nothing of dots: the decoder is not fooled by bare newlines, but a next server
// might be (SMTP smuggling, CVE-2023-51764).
import { CR, LF } from './ascii.ts';

/** Searches the chunks of one message, in their order. */
export class BareNewlineSearch {
  #afterCr = false;

  /** Whether a bare CR or LF is in `chunk` from `start` to `end`, or became one by what comes first in it. */
  find(chunk: Buffer, start: number, end: number): boolean {
    if (start >= end) return false;
    let at = start;
    if (this.#afterCr) {
      if (chunk[at] !== LF) return true;
      at++;
    }
    this.#afterCr = chunk[end - 1] === CR;
    const last = this.#afterCr ? end - 1 : end;
    while (at < last) {
      const lf = indexBefore(chunk, LF, at, last);
      const cr = indexBefore(chunk, CR, at, last);
      if (lf === -1 && cr === -1) return false;
      if (cr === -1 || cr + 1 !== lf) return true;
      at = lf + 1;
    }
    return false;
  }
}

function indexBefore(chunk: Buffer, byte: number, from: number, end: number): number {
  const index = chunk.indexOf(byte, from);
  return index < end ? index : -1;
}
