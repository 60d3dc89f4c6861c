// The judge of one mail: the checks of its sender, the DNS lists and the scanners, put together.
import { firstRefusal } from './first-refusal.ts';
import type { JudgedContent, Judgement, MailJudge, Verification } from './judgement.ts';
import type { ListLookups } from './lists/dns-list-options.ts';
import type { MailScan, ScanResult } from './scan/options.ts';
import type { MailSenderCheck } from './sender/sender-check.ts';
import type { SenderResult } from './sender/sender-result.ts';

/** What is done for one mail; a part that is left out is not done. */
export interface JudgeParts {
  /** Begun at MAIL. */
  readonly sender?: MailSenderCheck | undefined;
  /** Begun at MAIL. What they refuse is refused in the session. */
  readonly lists?: ListLookups | undefined;
  /** Its pauses are those of the judge. */
  readonly scan?: MailScan | undefined;
}

/** `undefined` where nothing is done. */
export function composeJudge(parts: JudgeParts): MailJudge | undefined {
  const { sender, lists, scan } = parts;
  const isIdle = sender === undefined && lists === undefined && scan === undefined;
  return isIdle ? undefined : new ComposedJudge(parts);
}

class ComposedJudge implements MailJudge {
  readonly #parts: JudgeParts;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
  }

  write(span: Buffer): boolean {
    this.#parts.sender?.write(span);
    return this.#parts.scan?.write(span) ?? true;
  }

  async end({ header, chunks }: JudgedContent): Promise<Judgement> {
    const [sender, lists, scan] = await Promise.all([
      this.#parts.sender?.end(header),
      this.#parts.lists?.findings(),
      this.#parts.scan?.end(chunks),
    ]);
    const quarantine = sender?.quarantine ?? scan?.quarantine;
    const refusal = firstRefusal(sender?.refusal, scan?.refusal);
    return {
      verification: verificationOf(sender, scan),
      ...(sender && { sender: sender.sender }),
      ...(scan && { scan: scan.scan }),
      ...(lists && { lists: lists.findings }),
      ...(quarantine !== undefined && { quarantine }),
      ...(refusal !== undefined && { refusal }),
    };
  }

  discard(): void {
    this.#parts.sender?.discard();
    this.#parts.scan?.discard();
  }
}

function verificationOf(
  sender: SenderResult | undefined,
  scan: ScanResult | undefined,
): Verification {
  return {
    spam: scan?.spam ?? 'GRAY',
    virus: scan?.virus ?? 'GRAY',
    ...(sender?.verification ?? { spf: 'GRAY', dkim: 'GRAY', dmarc: 'GRAY', results: [] }),
  };
}
