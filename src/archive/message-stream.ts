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
const FROM = /^>*From /;
/** `>>>>>From ` and so on: quotes beyond it are not looked for. */
const LONGEST_QUOTE = 64;

/**
 * Quotes a message for an mbox file in the way of mboxrd: every line that begins with `From `, whatever
 * number of `>` before it, gets one more, so that it can be undone. Ends with a line end and an empty line.
 */
export function quoteForMbox(): Transform {
  // The start of a line that is not yet known to be harmless.
  let held = Buffer.alloc(0);
  let lastOctet = LF;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const octets = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      let from = 0;
      let line = lastOctet === LF || held.length > 0 ? 0 : nextLine(octets, 0);
      held = Buffer.alloc(0);
      while (line !== -1 && line < octets.length) {
        const start = octets.toString('latin1', line, line + LONGEST_QUOTE);
        if (octets.length - line < LONGEST_QUOTE && /^>*(F(r(o(m)?)?)?)?$/.test(start)) {
          held = Buffer.from(octets.subarray(line));
          break;
        }
        if (FROM.test(start)) {
          this.push(octets.subarray(from, line));
          this.push('>');
          from = line;
        }
        line = nextLine(octets, line);
      }
      const rest = octets.subarray(from, octets.length - held.length);
      lastOctet = held.length > 0 ? LF : (octets.at(-1) ?? lastOctet);
      done(null, rest);
    },
    flush(done) {
      const end = held.at(-1) ?? lastOctet;
      this.push(held);
      done(null, end === LF ? '\n' : '\n\n');
    },
  });
}

function nextLine(octets: Buffer, at: number): number {
  const end = octets.indexOf(LF, at);
  return end === -1 ? -1 : end + 1;
}
