import { pipeline, type Readable, Transform } from 'node:stream';
import type { FetchedMail } from './fetch-mail.ts';

/** The message as sent: the stored octets, without the trace header block unless it is wanted. Carries errors on. */
export function messageOf(
  { stream, traceHeaderOctets }: FetchedMail,
  withTraceHeaders = false,
): Readable {
  if (withTraceHeaders || traceHeaderOctets === 0) return stream;
  // An error reaches the reader by the returned stream.
  return pipeline(stream, skip(traceHeaderOctets), () => undefined);
}

/** Drops the first octets of a stream. */
function skip(octets: number): Transform {
  let left = octets;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const dropped = Math.min(left, chunk.length);
      left -= dropped;
      done(null, chunk.subarray(dropped));
    },
  });
}
