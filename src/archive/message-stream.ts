import { Transform } from 'node:stream';

/** Drops the first octets of a stream: the trace header block. */
export function skipOctets(octets: number): Transform {
  let left = octets;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const dropped = Math.min(left, chunk.length);
      left -= dropped;
      done(null, chunk.subarray(dropped));
    },
  });
}

const LF = 0x0a;
const QUOTE = 0x3e;
const FROM = Buffer.from('From ');

/**
 * Quotes a message for an mbox file in the way of mboxrd: every line that begins with `From `, whatever
 * number of `>` before it, gets one more, so that it can be undone. Ends with a line end and an empty line.
 */
export function quoteForMbox(): Transform {
  /** Nothing of the line has come yet but quotes. */
  let isAtStart = true;
  /** A beginning of `From `, at most 4 octets, of which the rest may come. */
  let held = Buffer.alloc(0);
  let lastOctet = LF;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const octets = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      held = Buffer.alloc(0);
      let from = 0;
      let at = 0;
      while (at < octets.length) {
        if (isAtStart) {
          if (octets[at] === QUOTE) {
            at += 1;
            continue;
          }
          const start = octets.subarray(at, at + FROM.length);
          if (start.length < FROM.length && start.equals(FROM.subarray(0, start.length))) {
            held = Buffer.from(start);
            break;
          }
          if (start.equals(FROM)) {
            // One more quote is the same wherever among the others it stands.
            this.push(octets.subarray(from, at));
            this.push('>');
            from = at;
          }
          isAtStart = false;
        }
        const end = octets.indexOf(LF, at);
        if (end === -1) break;
        at = end + 1;
        isAtStart = true;
      }
      lastOctet = octets.at(-1) ?? lastOctet;
      done(null, octets.subarray(from, octets.length - held.length));
    },
    flush(done) {
      this.push(held);
      done(null, lastOctet === LF ? '\n' : '\n\n');
    },
  });
}
