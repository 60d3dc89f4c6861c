// The hash of a canonical body, and of each beginning of it that an `l=` names. Empty lines at the end of a body are not
// part of it (RFC 6376 sections 3.4.3 and 3.4.4), so those that may be the last are counted, not hashed.
import { createHash, type Hash } from 'node:crypto';

export interface BodyHash {
  readonly digest: Buffer;
  /** Octets of the canonical body that are not hashed. */
  readonly unsigned: number;
}

/** So many empty lines are hashed in one go. */
const BATCH = 4096;
const LINE_ENDS = Buffer.from('\r\n'.repeat(BATCH), 'latin1');
const LINE_END = LINE_ENDS.subarray(0, 2);
/** When more wait, they are hashed in advance, so that a long run of them takes its time as it comes. */
const MOST_WAITING = 8 * BATCH;

interface State {
  readonly hash: Hash;
  readonly length: number;
}

export class BodyDigest {
  #hash = createHash('sha256');
  #length = 0;
  #waiting = 0;
  /** What was hashed before the line ends that were hashed in advance. */
  #beforeRun: State | undefined;
  readonly #digests = new Map<number, Buffer>();
  /** The limits not yet reached, the lowest one last. */
  readonly #limits: number[];

  constructor(limits: Iterable<number>) {
    this.#limits = [...new Set(limits)].sort((a, b) => b - a);
    this.#cut();
  }

  /** Octets of the canonical body that end in no line end. */
  content(octets: Buffer): void {
    if (octets.length === 0) return;
    if (this.#waiting > 0) this.#hashLineEnds();
    this.#beforeRun = undefined;
    this.#update(octets);
  }

  /** Ends of lines, which may turn out to be those at the end of the body. */
  lineEnds(count: number): void {
    this.#waiting += count;
    if (this.#waiting <= MOST_WAITING) return;
    this.#beforeRun ??= { hash: this.#hash.copy(), length: this.#length };
    this.#hashLineEnds();
  }

  /** The body is whole. `endsEmpty`: one without content is a line end (simple), not nothing (relaxed). */
  end(endsEmpty: boolean): (limit: number | undefined) => BodyHash | undefined {
    if (this.#beforeRun !== undefined) {
      ({ hash: this.#hash, length: this.#length } = this.#beforeRun);
      this.#limits.length = 0;
    }
    if (endsEmpty || this.#length > 0) this.#update(LINE_END);
    const whole = this.#length;
    const digest = this.#hash.digest();
    return (limit = whole) => {
      if (limit === whole) return { digest, unsigned: 0 };
      const cut = limit < whole ? this.#digests.get(limit) : undefined;
      return cut === undefined ? undefined : { digest: cut, unsigned: whole - limit };
    };
  }

  #hashLineEnds(): void {
    for (; this.#waiting > 0; this.#waiting -= Math.min(BATCH, this.#waiting)) {
      this.#update(LINE_ENDS.subarray(0, 2 * Math.min(BATCH, this.#waiting)));
    }
  }

  #update(octets: Buffer): void {
    let rest = octets;
    for (;;) {
      const limit = this.#limits.at(-1);
      if (limit === undefined || limit > this.#length + rest.length) break;
      const head = rest.subarray(0, limit - this.#length);
      this.#hash.update(head);
      this.#length += head.length;
      rest = rest.subarray(head.length);
      this.#cut();
    }
    if (rest.length === 0) return;
    this.#hash.update(rest);
    this.#length += rest.length;
  }

  /** Keeps the digests of what is hashed up to here. */
  #cut(): void {
    while (this.#limits.at(-1) === this.#length) {
      this.#limits.pop();
      this.#digests.set(this.#length, this.#hash.copy().digest());
    }
  }
}
