// Looks for a CR without LF, or an LF without CR, in the data of one message (RFC 5321 section 2.3.8: they
// must not be sent). Knows nothing of dots: the decoder is not fooled by bare newlines, but a next server
// might be (SMTP smuggling, CVE-2023-51764).
import { CR, LF } from '../grammar/ascii.ts';
import { BARE_NEWLINE, scanNewlines } from './newline-scan.ts';

/** Searches the chunks of one message, in their order. */
export class BareNewlineSearch {
  #afterCr = false;

  /** Whether the last octet so far is a CR: bare, if nothing more comes. */
  get endsInCr(): boolean {
    return this.#afterCr;
  }

  /** The octet before the next one, as far as it matters here. */
  get before(): number {
    return this.#afterCr ? CR : 0;
  }

  /**
   * The index, in `chunk` from `start` to `end` (one octet at least), of the first octet that shows a bare
   * newline, or -1: of a bare LF itself, of the octet after a bare CR, which may have been the last one of
   * the chunk before.
   * `found` is what a scan of these octets, or of more, gave.
   */
  find(
    chunk: Buffer,
    start: number,
    end: number,
    found = scanNewlines(chunk, start, end, this.before),
  ): number {
    if ((found & BARE_NEWLINE) === 0) {
      this.#afterCr = chunk[end - 1] === CR;
      return -1;
    }
    // One of these octets is at fault, or one behind them.
    let isAfterCr = this.#afterCr;
    for (let at = start; at < end; at++) {
      const octet = chunk[at];
      // An LF and nothing else comes after a CR, and after nothing else.
      if ((octet === LF) !== isAfterCr) return at;
      isAfterCr = octet === CR;
    }
    this.#afterCr = isAfterCr;
    return -1;
  }
}
