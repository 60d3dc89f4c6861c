// The contract with subscribers: Amazon SES's "Received" notification of an S3 action, as SES really sends
// it, and one member of ours, `mailsluice`, with what SES cannot say. Types only.
import type { CommonHeaders } from '../../message/common-headers.ts';
import type {
  DkimFinding,
  Judgement,
  ListFinding,
  ScanFindings,
  SenderFindings,
} from '../../verify/judgement.ts';

export type { CommonHeaders, DkimFinding, ListFinding, ScanFindings, SenderFindings };

/** The `Subject` of every notification, the same as Amazon SES gives. */
export type NotificationSubject = 'Amazon SES Email Receipt Notification';

/** The JSON in the SNS message. */
export interface ReceivedNotification {
  readonly notificationType: 'Received';
  readonly mail: NotifiedMail;
  readonly receipt: Receipt;
  readonly mailsluice: MailsluiceMember;
}

/** The mail itself, mostly from its header section. */
export interface NotifiedMail {
  /** When the message was opened: ISO 8601, milliseconds, UTC. */
  readonly timestamp: string;
  /** The reverse-path without angle brackets; `''` for the null reverse-path. */
  readonly source: string;
  /** 40 characters of `0-9a-v`. The object's key is `objectKeyPrefix + messageId`. */
  readonly messageId: string;
  /** The addresses in To and Cc, each once, which need not be the envelope's: see `receipt.recipients`. */
  readonly destination: readonly string[];
  /** `headers` lacks fields: they do not fit into 10 KB, or the section is larger than the 64 KiB that are read. */
  readonly headersTruncated: boolean;
  /** In their order, unfolded, encoded words (RFC 2047) as received. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly commonHeaders: CommonHeaders;
}

/** What became of the mail. */
export interface Receipt {
  readonly timestamp: string;
  /** From the opening of the message to its commit; at least 1. */
  readonly processingTimeMillis: number;
  /**
   * The forward-paths of this object, in the order of their RCPT commands. A mailbox that was named more than once is
   * here once, in its first spelling.
   */
  readonly recipients: readonly string[];
  readonly spamVerdict: Verdict;
  readonly virusVerdict: Verdict;
  readonly spfVerdict: Verdict;
  readonly dkimVerdict: Verdict;
  readonly dmarcVerdict: Verdict;
  readonly action: S3Action;
  /** Present only when `dmarcVerdict` is FAIL. */
  readonly dmarcPolicy?: DmarcPolicy;
}

/** `GRAY`: not checked, or nothing to say. `PROCESSING_FAILED`: checked, and DNS or the scanner did not answer. */
export type VerdictStatus = 'PASS' | 'FAIL' | 'GRAY' | 'PROCESSING_FAILED';
export type DmarcPolicy = 'none' | 'quarantine' | 'reject';

export interface Verdict {
  readonly status: VerdictStatus;
}

/** Where the object is. */
export interface S3Action {
  readonly type: 'S3';
  readonly topicArn: string;
  readonly bucketName: string;
  /** The prefix with its time partitions, as in `mail/dt=2026-11-23/hr=13/`. */
  readonly objectKeyPrefix: string;
  /** `objectKeyPrefix + messageId`, exactly. */
  readonly objectKey: string;
}

/** What SES's notification has no place for. New members may come; `schemaVersion` changes only when one changes its meaning. */
export interface MailsluiceMember {
  readonly schemaVersion: 1;
  readonly envelope: NotifiedEnvelope;
  readonly client: {
    /** IPv4, or IPv6 without brackets. */
    readonly address: string;
    readonly port: number;
    /** The argument of EHLO, HELO or LHLO: unverified. */
    readonly helo: string;
    readonly protocol: 'SMTP' | 'ESMTP' | 'LMTP';
  };
  /** `null`: the message came in the clear. */
  readonly tls: {
    readonly version: string;
    readonly cipher: string;
    readonly serverName?: string;
    readonly clientCertificate?: { readonly subject: string; readonly fingerprint256: string };
  } | null;
  /** `null`: nobody signed in. */
  readonly authenticated: { readonly username: string; readonly mechanism: string } | null;
  readonly listener: string;
  readonly sessionId: string;
  /** Of the message as received, without the trace header block; hexadecimal. */
  readonly sha256: string;
  /** Octets of the message as received, without the trace header block. */
  readonly size: number;
  /** Present where the object does not hold the message as received: of what follows the trace header block; hexadecimal. */
  readonly storedSha256?: string;
  /** Present with `storedSha256`: octets of what follows the trace header block. */
  readonly storedSize?: number;
  /** Bare CRs and bare LFs in the message as received, each stored as CRLF. Absent where there were none. */
  readonly normalizedNewlines?: number;
  /**
   * Fields of the message that claimed to be this server's (Authentication-Results, Received-SPF, Return-Path), stored
   * under a name of the same length that begins with X-Former. Absent where there were none.
   */
  readonly renamedFields?: number;
  /** Octets of the trace header block in front of it in the object. */
  readonly traceHeaderSize: number;
  /** Who sent it, as far as that was proved. Absent where the sender was not checked. */
  readonly sender?: SenderFindings;
  /** What the scanners found. Absent where nothing was scanned. */
  readonly scan?: ScanFindings;
  /** The DNS lists that have the client or the sender, or could not be asked. Absent where no list was asked. */
  readonly lists?: readonly ListFinding[];
  /** The rule by which the mail is to be set aside. A topic of quarantine, where there is one, announced it. */
  readonly quarantine?: NonNullable<Judgement['quarantine']>;
  /** Fields that were left out or cut because the notification would be too large for SNS. */
  readonly reduced?: readonly string[];
  /** Set on a replay from the archive; absent the first time. */
  readonly replay?: { readonly at: string; readonly id?: string };
}

/** Reverse-path and forward-paths with their parameters, as the client gave them. */
export interface NotifiedEnvelope {
  /** `null` for the null reverse-path `<>`. */
  readonly reversePath: string | null;
  /** The parameters of MAIL by keyword, decoded: `size`, `body`, `smtpUtf8`, `ret`, `envid`, and so on. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** An address is not ASCII although the client did not say SMTPUTF8. Absent elsewhere. */
  readonly undeclaredUtf8?: true;
  readonly recipients: readonly NotifiedRecipient[];
}

export interface NotifiedRecipient {
  readonly forwardPath: string;
  /** The parameters of RCPT: `notify`, `orcpt`. Absent when there were none. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** An earlier one is the same mailbox, in this or another spelling: not again in `receipt.recipients`. */
  readonly repeated?: true;
}
