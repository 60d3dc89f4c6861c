// Makes CRLF of each CR without LF and of each LF without CR in the octets of one message. Knows nothing of dots: the
// decoder has removed them, and has found the end of the data by CRLF alone, so that no newline made here ends anything.
import { CR, LF } from '../grammar/ascii.ts';

/** Normalizes the spans of one message, in their order. */
export class NewlineNormalizer {
  #isAfterCr = false;

  /** Whether the last octet so far is a CR: bare, if nothing more comes. */
  get endsInCr(): boolean {
    return this.#isAfterCr;
  }

  /** Takes note of a span in which no newline is bare. */
  pass(span: Buffer | undefined): void {
    if (span !== undefined) this.#isAfterCr = span[span.length - 1] === CR;
  }

  /**
   * The octets to store in place of `span`: `span` itself if no newline in it is bare. The LF that a CR at the end of a
   * span lacks comes with the next span.
   */
  normalize(span: Buffer): Buffer {
    const missing = this.#missingIn(span);
    if (missing === 0) {
      this.pass(span);
      return span;
    }
    const normalized = Buffer.allocUnsafe(span.length + missing);
    let length = 0;
    let isAfterCr = this.#isAfterCr;
    for (const octet of span) {
      if ((octet === LF) !== isAfterCr) normalized[length++] = isAfterCr ? LF : CR;
      normalized[length++] = octet;
      isAfterCr = octet === CR;
    }
    this.#isAfterCr = isAfterCr;
    return normalized;
  }

  /** How many octets have a bare newline before them, or are one. */
  #missingIn(span: Buffer): number {
    let missing = 0;
    let isAfterCr = this.#isAfterCr;
    for (const octet of span) {
      // An LF and nothing else comes after a CR, and after nothing else.
      if ((octet === LF) !== isAfterCr) missing++;
      isAfterCr = octet === CR;
    }
    return missing;
  }
}
