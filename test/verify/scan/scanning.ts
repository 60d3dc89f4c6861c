// A mail on its way through the scanners, as the intake hands it over.
import {
  createScanners,
  type MailScan,
  type ScanEvent,
  type ScannedMail,
  type Scanners,
  type ScannersOptions,
  type ScanResult,
} from '../../../src/verify/index.ts';

export const MAIL: ScannedMail = {
  id: 'm'.repeat(40),
  listener: 'mx',
  clientAddress: '192.0.2.7',
  heloName: 'client.example',
  reversePath: 'sender@from.example',
  forwardPaths: ['one@to.example', 'two@to.example'],
};

export interface TestedScanners extends AsyncDisposable {
  readonly scanners: Scanners;
  readonly events: ScanEvent[];
}

export function testedScanners(options: Partial<ScannersOptions>): TestedScanners {
  const events: ScanEvent[] = [];
  const scanners = createScanners({
    hostname: 'mx.test',
    timeoutMillis: 10_000,
    onFailure: 'accept',
    observe: (event) => events.push(event),
    ...options,
  });
  return { scanners, events, [Symbol.asyncDispose]: () => scanners[Symbol.asyncDispose]() };
}

/** One mail while it arrives. Waits where a pause is asked for. */
export class Arriving {
  readonly scan: MailScan;
  pauses = 0;
  resumes = 0;
  #resumed = Promise.withResolvers<void>();

  constructor(scanners: Scanners, mail: ScannedMail = MAIL) {
    this.scan = scanners.open(mail, () => {
      this.resumes += 1;
      this.#resumed.resolve();
    });
  }

  /** The span is overwritten when the call has returned, as a socket's buffer is. */
  async bring(content: Buffer): Promise<void> {
    const span = Buffer.from(content);
    const resumed = Promise.withResolvers<void>();
    this.#resumed = resumed;
    const goesOn = this.scan.write(span);
    span.fill(0x2a);
    if (goesOn) return;
    this.pauses += 1;
    await resumed.promise;
  }
}

/** A mail that is still in memory at its end. */
export async function scanSmall(
  scanners: Scanners,
  content: string | Buffer,
  mail: ScannedMail = MAIL,
): Promise<ScanResult> {
  const arriving = new Arriving(scanners, mail);
  const octets = Buffer.from(content);
  for (let at = 0; at < octets.length; at += 16_384) {
    await arriving.bring(octets.subarray(at, at + 16_384));
  }
  return arriving.scan.end([octets]);
}

/** Text without a line that means anything, in spans of 64 KiB. */
export function* spansOf(octets: number): Generator<Buffer> {
  const line = 'The quick brown fox jumps over the lazy dog, again and again and again.\r\n';
  const span = Buffer.from(line.repeat(Math.ceil(65_536 / line.length)).slice(0, 65_536));
  for (let left = octets; left > 0; left -= span.length) yield span.subarray(0, left);
}
