// The client's octets that were not read yet, cut into lines. Any LF ends a line here, so that a line without
// its CR is answered at once; the session refuses it (RFC 5321 section 2.3.8).
import { LF } from './grammar/ascii.ts';

/** RFC 4954 section 4.3. Also the longest line of any kind that is held. */
export const AUTH_LINE_OCTETS = 12_288;
/** A line that goes on past this ends the session. */
export const LINE_FLOOD_OCTETS = 65_536;

const EMPTY = Buffer.alloc(0);

/** Input of one session. What is unread is `chunk` from `at` on. */
export class Input {
  chunk: Buffer = EMPTY;
  at = 0;
  /** The line that `readLine` found: its octets in `chunk`, its LF not among them. */
  lineStart = 0;
  lineEnd = 0;
  /** All the octets of that line, its LF and those that were thrown away among them. */
  lineOctets = 0;
  #searched = 0;
  #skipped = 0;

  get pendingOctets(): number {
    return this.chunk.length - this.at;
  }

  push(chunk: Buffer): void {
    if (this.at === this.chunk.length) {
      this.chunk = chunk;
      this.at = this.#searched = 0;
    } else {
      this.#searched = Math.max(this.#searched - this.at, 0);
      this.chunk = Buffer.concat([this.chunk.subarray(this.at), chunk]);
      this.at = 0;
    }
  }

  /**
   * Reads one line. `more`: its LF has not come; what is too long to be a line is thrown away, and only
   * counted. `flood`: the line is so long that no LF is to be expected.
   */
  readLine(): 'line' | 'more' | 'flood' {
    const start = this.at;
    const lf = this.chunk.indexOf(LF, Math.max(this.#searched, start));
    const end = lf === -1 ? this.chunk.length : lf + 1;
    const octets = this.#skipped + end - start;
    if (octets > LINE_FLOOD_OCTETS) return 'flood';
    this.#searched = end;
    if (lf === -1) {
      if (octets > AUTH_LINE_OCTETS) {
        this.#skipped = octets;
        this.at = end;
      }
      return 'more';
    }
    this.at = end;
    this.#skipped = 0;
    this.lineStart = start;
    this.lineEnd = lf;
    this.lineOctets = octets;
    return 'line';
  }

  /** Up to `octets` octets of what is unread, as a view. */
  take(octets: number): Buffer {
    const end = Math.min(this.at + octets, this.chunk.length);
    const taken = this.chunk.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  /** Lets go of what was read: the few octets of an unfinished line must not keep a socket's whole buffer. */
  compact(): void {
    if (this.at === 0) return;
    this.#searched = Math.max(this.#searched - this.at, 0);
    this.chunk = this.at === this.chunk.length ? EMPTY : Buffer.from(this.chunk.subarray(this.at));
    this.at = 0;
  }

  /** Throws everything away, read or not. */
  forget(): void {
    this.chunk = EMPTY;
    this.at = this.#searched = this.#skipped = 0;
  }
}
