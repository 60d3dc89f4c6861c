// Runs the signature check over a whole message, cut into spans, as the parts of the program do.
import { HeaderCollector } from '../../../src/verify/sender/header/header-octets.ts';
import { KeyCache } from '../../../src/verify/sender/dkim/key-cache.ts';
import {
  SignatureCheck,
  type SignatureOptions,
  type SignatureResults,
} from '../../../src/verify/sender/dkim/signature-check.ts';
import { type Zone, ZoneLookups } from '../../support/zone-lookups.ts';

export interface JudgeOptions extends Partial<SignatureOptions> {
  readonly zone?: Zone;
  /** Lengths of the spans, repeated; default: the message as one. */
  readonly spans?: readonly number[];
}

export async function judgeSignatures(
  message: string | Buffer,
  { zone = {}, spans = [], ...options }: JudgeOptions = {},
): Promise<SignatureResults> {
  const octets = Buffer.isBuffer(message) ? message : Buffer.from(message, 'latin1');
  const check = new SignatureCheck({
    dkim: true,
    arc: true,
    lookups: new ZoneLookups(zone),
    keys: new KeyCache(),
    now: Date.now(),
    ...options,
  });
  const collector = new HeaderCollector();
  let at = 0;
  for (let turn = 0; at < octets.length; turn += 1) {
    const length = spans[turn % Math.max(spans.length, 1)] ?? octets.length;
    // A span of its own, which is overwritten when it was handed over: nothing of it may be kept.
    const span = Buffer.from(octets.subarray(at, at + length));
    at += length;
    if (collector.header !== undefined) check.write(span);
    else {
      const bodyStart = collector.write(span);
      if (collector.header !== undefined) {
        check.begin(collector.header);
        check.write(span, bodyStart);
      }
    }
    span.fill('#');
  }
  if (collector.header === undefined) check.begin(collector.end());
  return check.end();
}

/** With CRLF, as mail has them. */
export function crlf(text: string): string {
  return text.replace(/\r?\n/g, '\r\n');
}
