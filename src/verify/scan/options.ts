// What the scanners are given, and what they say.
import type { Judgement, NotScanned, ScanFindings, Verdict } from '../judgement.ts';

export interface ScannersOptions {
  /** rspamd. Default: mail is not scanned for spam. */
  readonly spam?: SpamOptions;
  /** clamd. Default: mail is not scanned for viruses. */
  readonly virus?: VirusOptions;
  /** The name of this server, which rspamd hears as `MTA-Name`. */
  readonly hostname: string;
  /** How long a scanner may take after the last octet of a mail, and how long it may hold up a mail that arrives. */
  readonly timeoutMillis: number;
  /** A mail that a scanner failed to scan is taken as GRAY, or deferred with `451 4.7.1`. */
  readonly onFailure: 'accept' | 'defer';
  readonly observe: (event: ScanEvent) => void;
}

export interface SpamOptions {
  /** Of a normal worker: `http://127.0.0.1:11333`, with a path where a proxy needs one. */
  readonly url: string;
  /** Larger mail is not scanned. */
  readonly maxOctets: number;
  readonly password?: string;
  /** Mail with this score or a higher one is refused. Default: none is. */
  readonly reject?: number;
  /** Mail with this score or a higher one is set aside. Default: none is. */
  readonly quarantine?: number;
  /** Exchanges at one time; further mail waits, within its timeout. Default 16. */
  readonly maxConnections?: number;
}

export interface VirusOptions {
  /** `127.0.0.1:3310`, `[::1]:3310`, or the absolute path of a Unix socket. */
  readonly address: string;
  readonly action: 'mark' | 'reject' | 'quarantine';
  /** Connections at one time; clamd has ten threads by default (MaxThreads). Default 10. */
  readonly maxConnections?: number;
}

/** What is known of a mail when its content begins. */
export interface ScannedMail {
  /** Its messageId. */
  readonly id: string;
  readonly listener: string;
  readonly clientAddress: string;
  /** Of the client's address, where it was looked up. */
  readonly clientName?: string | undefined;
  readonly heloName?: string | undefined;
  /** Without angle brackets; empty for the null reverse-path. */
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  readonly user?: string | undefined;
  readonly tls?: { readonly version: string; readonly cipher: string } | undefined;
}

/**
 * - `unreachable`: no connection
 * - `timeout`: no answer in time
 * - `cut`: the connection ended before the answer
 * - `answer`: an answer that is no result, or an error that the scanner reports
 * - `busy`: all connections were in use for the whole time
 * - `circuit-open`: not asked, since it has failed several times in a row
 */
export type ScanFailureReason =
  | 'unreachable'
  | 'timeout'
  | 'cut'
  | 'answer'
  | 'busy'
  | 'circuit-open';

export interface ScanEvent {
  readonly kind: 'scan-failed';
  readonly scanner: 'rspamd' | 'clamd';
  readonly reason: ScanFailureReason;
  /** One line of printable ASCII, at most 200 characters. */
  readonly detail: string;
  /** The messageId. */
  readonly mail: string;
}

export interface ScanFailure {
  readonly kind: 'failed';
  readonly reason: ScanFailureReason;
  readonly detail: string;
}

export type SpamOutcome =
  | {
      readonly kind: 'scored';
      readonly score: number;
      readonly action: string;
      readonly symbols: readonly string[];
    }
  | { readonly kind: 'not-scanned'; readonly because: Exclude<NotScanned, 'failed'> }
  | ScanFailure;

export type VirusOutcome =
  | { readonly kind: 'clean' }
  | { readonly kind: 'found'; readonly signature: string }
  | { readonly kind: 'not-scanned'; readonly because: Exclude<NotScanned, 'failed'> }
  | ScanFailure;

/** The part of the scanners in a `Judgement`. */
export interface ScanResult extends Pick<Judgement, 'quarantine' | 'refusal'> {
  /** For the receipt; GRAY where there is no such scanner. */
  readonly spam: Verdict;
  readonly virus: Verdict;
  readonly scan: ScanFindings;
}

/** The scan of one mail while it arrives. Keeps no span. */
export interface MailScan {
  /** `false` asks for a pause, which ends with one call of `resume`, at the latest after `timeoutMillis` in all. */
  write(span: Buffer): boolean;
  /**
   * The mail is whole. Settles within `timeoutMillis`, and never rejects.
   * `chunks`: all octets, where they are still in memory; unchanged until it has settled.
   */
  end(chunks: readonly Buffer[] | undefined): Promise<ScanResult>;
  /** Ends what is under way. */
  discard(): void;
}

export interface Scanners extends AsyncDisposable {
  /** Connects to nothing. */
  open(mail: ScannedMail, resume: () => void): MailScan;
}
