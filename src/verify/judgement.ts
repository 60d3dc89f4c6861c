// What is known of the sender of one mail, and of its content, when the last octet has come.
import type { HeaderSection } from '../message/header-section.ts';
import type { Reply } from '../smtp/index.ts';

/** One verdict, in the words of Amazon SES. */
export type Verdict = 'PASS' | 'FAIL' | 'GRAY' | 'PROCESSING_FAILED';

/** A result of SPF, DKIM, DMARC or ARC (RFC 8601 section 2.7). */
export type CheckResult =
  | 'pass'
  | 'fail'
  | 'softfail'
  | 'neutral'
  | 'none'
  | 'policy'
  | 'temperror'
  | 'permerror';

/** What the checks say, for the trace headers and the receipt of the notification. */
export interface Verification {
  readonly spam: Verdict;
  readonly virus: Verdict;
  readonly spf: Verdict;
  readonly dkim: Verdict;
  readonly dmarc: Verdict;
  /** Only when `dmarc` is FAIL. */
  readonly dmarcPolicy?: 'none' | 'quarantine' | 'reject';
  /** The `resinfo`s of Authentication-Results (RFC 8601 section 2.2), as `spf=pass smtp.mailfrom=a.example`. */
  readonly results: readonly string[];
  /** The value of Received-SPF (RFC 7208 section 9.1), if SPF was checked. */
  readonly receivedSpf?: string;
}

/** One DKIM signature. */
export interface DkimFinding {
  readonly result: CheckResult;
  /** The signing domain, `d=`. */
  readonly domain: string;
  /** The selector, `s=`. */
  readonly selector: string;
  /** The signing domain is aligned with that of From (RFC 9989). */
  readonly aligned: boolean;
  /** The signature leaves octets of the body unsigned (`l=`), so it authenticates nothing. */
  readonly partial?: true;
}

/** Who sent the mail, as far as it was proved: `mailsluice.sender` of the notification. */
export interface SenderFindings {
  /** `null`: DNS did not answer. */
  readonly authenticated: boolean | null;
  /** Of the one mailbox of the one From field, in lower case and A-labels; absent when there is not exactly one. */
  readonly domain?: string;
  /** That mailbox, as `commonHeaders.from` shows it. */
  readonly address?: string;
  /** What proved it; empty unless `authenticated` is true. */
  readonly by: readonly ('dkim' | 'spf' | 'arc')[];
  readonly dmarc: CheckResult;
  readonly spf: CheckResult;
  readonly dkim: readonly DkimFinding[];
  readonly arc: CheckResult;
}

/** Why a scanner did not scan a mail: it is larger than the scanner takes, the scanner left it out, or it failed. */
export type NotScanned = 'too-large' | 'skipped' | 'failed';

/** What the scanners found: `mailsluice.scan` of the notification. A part is absent where there is no such scanner. */
export interface ScanFindings {
  readonly spam?: {
    readonly verdict: Verdict;
    readonly score?: number;
    /** At most 50 names. */
    readonly symbols?: readonly string[];
    /** Only with GRAY: the mail was not scanned. */
    readonly notScanned?: NotScanned;
  };
  readonly virus?: {
    readonly verdict: Verdict;
    /** Only with GRAY: the mail was not scanned. */
    readonly notScanned?: NotScanned;
    /** The name that the scanner gives to what it found. */
    readonly signature?: string;
  };
}

/** What one DNS list says of the client, the sender's domain or the HELO name. */
export interface ListFinding {
  readonly zone: string;
  readonly result: 'listed' | 'not-listed' | 'unknown';
  /** What was looked up: an address or a domain. */
  readonly subject: string;
  /** The text that the zone publishes with the entry; at most 200 characters. */
  readonly text?: string;
}

/** Which rule refused or set aside a mail. */
export type Rule = 'spf' | 'dmarc' | 'list' | 'spam' | 'virus' | 'scan-failed';

/** A mail that is not taken. */
export interface SenderRefusal {
  readonly rule: Rule;
  readonly reply: Reply;
  /** The domain or the address that the rule is about. */
  readonly subject: string;
  /** What DNS, the list or the scanner said, in one line for the log. */
  readonly detail: string;
}

export interface Judgement {
  readonly verification: Verification;
  /** Absent where the sender was not checked. */
  readonly sender?: SenderFindings;
  readonly scan?: ScanFindings;
  readonly lists?: readonly ListFinding[];
  /** The rule by which the mail is marked, and announced on the topic of quarantine where there is one. */
  readonly quarantine?: 'dmarc' | 'spam' | 'virus';
  /** The mail is not stored; the client hears the reply. */
  readonly refusal?: SenderRefusal;
}

/** The whole message, as it will be stored but for renamed fields. */
export interface JudgedContent {
  readonly header: HeaderSection;
  /** All octets, where they are still in memory: at most 8 MiB. */
  readonly chunks?: readonly Buffer[];
}

/** Judges one message while it arrives. Keeps no span. */
export interface MailJudge {
  /**
   * The next octets, as they will be stored before any field is renamed. They may be reused when the call has returned.
   * `false` asks for a pause, which ends with a call of `resume`. What was read already still comes, and `end` and
   * `discard` may come too.
   */
  write(span: Buffer): boolean;
  /** The message is whole. Settles within the time that checks may take; never rejects. */
  end(content: JudgedContent): Promise<Judgement>;
  /** The message does not become a mail: ends what is under way. */
  discard(): void;
}
