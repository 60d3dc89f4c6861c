// Scans each mail by rspamd, clamd or both.
import { Clamd } from './clamd/clamd.ts';
import type { ClamdScan } from './clamd/clamd-scan.ts';
import type {
  MailScan,
  ScannedMail,
  Scanners,
  ScannersOptions,
  ScanResult,
  SpamOutcome,
  VirusOutcome,
} from './options.ts';
import { resultOf } from './outcomes.ts';
import { Rspamd } from './rspamd/rspamd.ts';

/** Connects to nothing before the first mail. */
export function createScanners(options: ScannersOptions): Scanners {
  const { spam, virus, hostname, timeoutMillis } = options;
  const rspamd = spam && new Rspamd({ ...spam, hostname, timeoutMillis });
  const clamd = virus && new Clamd({ ...virus, timeoutMillis });
  return {
    open: (mail, resume) => new Scan(mail, options, rspamd, clamd?.open(resume)),
    async [Symbol.asyncDispose]() {
      clamd?.[Symbol.dispose]();
      await rspamd?.[Symbol.asyncDispose]();
    },
  };
}

class Scan implements MailScan {
  readonly #mail: ScannedMail;
  readonly #options: ScannersOptions;
  readonly #rspamd: Rspamd | undefined;
  readonly #clamdScan: ClamdScan | undefined;
  readonly #discarded = new AbortController();

  constructor(
    mail: ScannedMail,
    options: ScannersOptions,
    rspamd: Rspamd | undefined,
    clamdScan: ClamdScan | undefined,
  ) {
    this.#mail = mail;
    this.#options = options;
    this.#rspamd = rspamd;
    this.#clamdScan = clamdScan;
  }

  write(span: Buffer): boolean {
    return this.#clamdScan?.write(span) ?? true;
  }

  async end(chunks: readonly Buffer[] | undefined): Promise<ScanResult> {
    const [spam, virus] = await Promise.all([
      this.#rspamd?.scan(this.#mail, chunks, this.#discarded.signal),
      this.#clamdScan?.end(chunks),
    ]);
    // Nobody waits for the answer any more, and the scanners did not fail.
    if (!this.#discarded.signal.aborted) {
      this.#report('rspamd', spam);
      this.#report('clamd', virus);
    }
    return resultOf(this.#mail, this.#options, spam, virus);
  }

  discard(): void {
    this.#discarded.abort();
    this.#clamdScan?.discard();
  }

  #report(scanner: 'rspamd' | 'clamd', outcome: SpamOutcome | VirusOutcome | undefined): void {
    if (outcome?.kind !== 'failed') return;
    const { reason, detail } = outcome;
    this.#options.observe({ kind: 'scan-failed', scanner, reason, detail, mail: this.#mail.id });
  }
}
