import { Transform, type TransformCallback } from 'node:stream';

/** Names of the encoding in Content-Transfer-Encoding; none of them is registered. */
export const UU_ENCODINGS: ReadonlySet<string> = new Set([
  'x-uuencode',
  'uuencode',
  'x-uue',
  'uue',
]);

const LF = 0x0a;
/** A line holds 45 octets, in 61 characters. What is longer is not uuencoded. */
const LINE_OCTETS = 1024;
/** How much may stand before the `begin` line. A part without that line is left as it is. */
const PREAMBLE_OCTETS = 64 * 1024;

/**
 * Decodes a uuencoded part: the lines between `begin` and `end`.
 * https://pubs.opengroup.org/onlinepubs/9799919799/utilities/uuencode.html
 */
export class UuDecoder extends Transform {
  #state: 'before' | 'within' | 'after' | 'raw' = 'before';
  /** The incomplete last line. */
  #rest: Buffer = Buffer.alloc(0);
  /** The rest of an overlong line is skipped. */
  #isSkipping = false;
  #preamble: Buffer[] = [];
  #preambleOctets = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#state === 'raw') {
      done(null, chunk);
      return;
    }
    if (this.#state === 'before') {
      this.#preamble.push(chunk);
      this.#preambleOctets += chunk.length;
    }
    this.#read(chunk);
    if (this.#state === 'before' && this.#preambleOctets > PREAMBLE_OCTETS) this.#giveUp();
    done();
  }

  override _flush(done: TransformCallback): void {
    this.#line(this.#rest);
    if (this.#state === 'before') this.#giveUp();
    done();
  }

  #read(chunk: Buffer): void {
    let from = 0;
    const decoded: Buffer[] = [];
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, from)) {
      const isWhole = !this.#isSkipping && this.#rest.length + end - from <= LINE_OCTETS;
      const octets = isWhole ? this.#line(this.#join(chunk.subarray(from, end))) : undefined;
      if (octets !== undefined) decoded.push(octets);
      this.#isSkipping = false;
      this.#rest = Buffer.alloc(0);
      from = end + 1;
    }
    if (decoded.length > 0) this.push(Buffer.concat(decoded));
    if (this.#isSkipping) return;
    const rest = chunk.subarray(from);
    this.#isSkipping = this.#rest.length + rest.length > LINE_OCTETS;
    this.#rest = this.#isSkipping ? Buffer.alloc(0) : Buffer.from(this.#join(rest));
  }

  #join(octets: Buffer): Buffer {
    return this.#rest.length === 0 ? octets : Buffer.concat([this.#rest, octets]);
  }

  #line(line: Buffer): Buffer | undefined {
    if (this.#state === 'within') {
      if (/^end\s*$/.test(line.toString('latin1', 0, 16))) this.#state = 'after';
      else return decodeLine(line);
    } else if (
      this.#state === 'before' &&
      /^begin [0-7]{3,4} /.test(line.toString('latin1', 0, 16))
    ) {
      this.#state = 'within';
      this.#preamble = [];
    }
    return undefined;
  }

  #giveUp(): void {
    this.#state = 'raw';
    this.push(Buffer.concat(this.#preamble));
    this.#preamble = [];
  }
}

/** The first character is the number of octets; four characters are three octets. A line that is cut has zeros. */
function decodeLine(line: Buffer): Buffer {
  const length = ((line[0] ?? 0x20) - 0x20) & 0x3f;
  const decoded = Buffer.alloc(length);
  const six = (at: number): number => {
    const octet = line[at] ?? 0x20;
    return octet < 0x20 ? 0 : (octet - 0x20) & 0x3f;
  };
  for (let from = 1, to = 0; to < length; from += 4, to += 3) {
    const bits = (six(from) << 18) | (six(from + 1) << 12) | (six(from + 2) << 6) | six(from + 3);
    decoded[to] = bits >> 16;
    decoded[to + 1] = bits >> 8;
    decoded[to + 2] = bits;
  }
  return decoded;
}
