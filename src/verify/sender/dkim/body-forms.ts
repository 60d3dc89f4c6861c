// The canonical forms of a body (RFC 6376 sections 3.4.3 and 3.4.4), made while its octets arrive. Only CRLF is a line end:
// a bare LF or CR is an octet like any other.
import type { BodyDigest, BodyHash } from './body-digest.ts';

export type HashOf = (limit: number | undefined) => BodyHash | undefined;

/** Takes a body and gives the hashes of one canonical form of it. */
export interface BodyForm {
  /** May be reused when the call has returned. */
  write(span: Buffer): void;
  /** The body is whole: its hash, or that of as many octets; `undefined` if it has not as many. */
  end(): HashOf;
}

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const ONE_CR = Buffer.from('\r');

/** A body as it is, but for the empty lines at its end. */
export class SimpleBody implements BodyForm {
  readonly #digest: BodyDigest;
  /** The last octet was a CR, which may begin a line end. */
  #hasCr = false;

  constructor(digest: BodyDigest) {
    this.#digest = digest;
  }

  write(span: Buffer): void {
    if (span.length === 0) return;
    let start = 0;
    let end = span.length;
    if (this.#hasCr) {
      this.#hasCr = false;
      if (span[0] === LF) {
        this.#digest.lineEnds(1);
        start = 1;
      } else {
        this.#digest.content(ONE_CR);
      }
    }
    if (end > start && span[end - 1] === CR) {
      this.#hasCr = true;
      end -= 1;
    }
    const last = end;
    while (end - start >= 2 && span[end - 1] === LF && span[end - 2] === CR) end -= 2;
    this.#digest.content(span.subarray(start, end));
    if (last > end) this.#digest.lineEnds((last - end) / 2);
  }

  end(): HashOf {
    if (this.#hasCr) this.#digest.content(ONE_CR);
    return this.#digest.end(true);
  }
}

/** In blocks, so that one with white space does not make the others slow. */
const BLOCK = 16 * 1024;
/** A block in reduced form, with what waited before it. For all bodies: it is hashed before the next one is made. */
const REDUCED = Buffer.allocUnsafeSlow(BLOCK + 4);

/** White space reduced to one space, and to none at the end of a line. */
export class RelaxedBody implements BodyForm {
  readonly #digest: BodyDigest;
  #hasCr = false;
  #hasSpace = false;

  constructor(digest: BodyDigest) {
    this.#digest = digest;
  }

  write(span: Buffer): void {
    for (let at = 0; at < span.length; at += BLOCK) {
      const block = span.subarray(at, at + BLOCK);
      const isPlain =
        !this.#hasCr && !this.#hasSpace && !block.includes(SPACE) && !block.includes(TAB);
      if (isPlain) this.#takePlain(block);
      else this.#reduce(block);
    }
  }

  end(): HashOf {
    // A space at the end of a body without a last line end is at the end of a line too.
    if (this.#hasCr) this.#digest.content(Buffer.from(this.#hasSpace ? ' \r' : '\r'));
    return this.#digest.end(false);
  }

  /** Without white space, and where nothing waits. */
  #takePlain(block: Buffer): void {
    let end = block.length;
    if (block[end - 1] === CR) {
      this.#hasCr = true;
      end -= 1;
    }
    const last = end;
    while (end >= 2 && block[end - 1] === LF && block[end - 2] === CR) end -= 2;
    this.#digest.content(block.subarray(0, end));
    if (last > end) this.#digest.lineEnds((last - end) / 2);
  }

  #reduce(block: Buffer): void {
    const out = REDUCED;
    let length = 0;
    // Line ends since the last content; those before the first content of this block wait in the digest.
    let lineEnds = 0;
    let hasContent = false;
    /** Nothing waits to be written before the next octet: so it is for nearly all. */
    let isInText = false;
    let hasCr = this.#hasCr;
    let hasSpace = this.#hasSpace;
    for (let at = 0; at < block.length; at += 1) {
      const octet = block[at] ?? 0;
      if (octet > SPACE && isInText) {
        out[length++] = octet;
        continue;
      }
      isInText = false;
      if (octet === SPACE || octet === TAB) {
        if (!hasCr) {
          hasSpace = true;
          continue;
        }
      } else if (octet === CR && !hasCr) {
        hasCr = true;
        continue;
      } else if (octet === LF && hasCr) {
        hasCr = false;
        hasSpace = false;
        lineEnds += 1;
        continue;
      }
      // Content: this octet, or a CR before it that begins no line end.
      if (!hasContent) {
        this.#digest.lineEnds(lineEnds);
        lineEnds = 0;
        hasContent = true;
      }
      for (; lineEnds > 0; lineEnds -= 1) {
        out[length++] = CR;
        out[length++] = LF;
      }
      if (hasSpace) {
        out[length++] = SPACE;
        hasSpace = false;
      }
      if (hasCr) {
        out[length++] = CR;
        hasCr = octet === CR;
        hasSpace = octet === SPACE || octet === TAB;
        if (hasCr || hasSpace) continue;
      }
      out[length++] = octet;
      isInText = true;
    }
    if (hasContent) this.#digest.content(out.subarray(0, length));
    this.#digest.lineEnds(lineEnds);
    this.#hasCr = hasCr;
    this.#hasSpace = hasSpace;
  }
}
