// The JSON of the API, for the server, the page and the client of `mailsluice/testing`. Types only.

/** One mail in the list. */
export interface MailSummary {
  /** The messageId. */
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly receivedAt: string;
  /** The reverse-path; `''` for the null reverse-path. */
  readonly source: string;
  /** The From field as it is shown; `''` where there is none. */
  readonly from: string;
  /** The forward-paths of the envelope. */
  readonly recipients: readonly string[];
  readonly subject: string;
  /** The message as received. */
  readonly sizeInOctets: number;
  readonly isRead: boolean;
  readonly listener: string;
  /** Who signed in; `null`: nobody. */
  readonly username: string | null;
  readonly sessionId: string;
  /** How often it was announced again. */
  readonly replays: number;
  /** How the last run of the handler ended; absent where none did. */
  readonly handler?: HandlerOutcome;
}

export type HandlerOutcome = 'done' | 'failed' | 'timed-out' | 'crashed' | 'not-loaded';

/** One part of a message, with the parts in it. */
export interface MimePart {
  /** As in IMAP: `1`, `2.1`; `''` for the message itself where it is a multipart. */
  readonly number: string;
  readonly contentType: string;
  readonly filename?: string;
  readonly contentId?: string;
  readonly disposition?: string;
  /** Decoded; absent for a multipart. */
  readonly sizeInOctets?: number;
  readonly children: readonly MimePart[];
}

export interface StoredObject {
  readonly bucket: string;
  readonly key: string;
  readonly sizeInOctets: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ShownVerdict {
  /** `spf`, `dkim`, `dmarc`, `spam` or `virus`. */
  readonly name: string;
  /** `PASS`, `FAIL`, `GRAY` or `PROCESSING_FAILED`. */
  readonly status: string;
  readonly why: string;
}

/** One mail with all that is known of it. */
export interface MailDetail extends MailSummary {
  /** Of the object: the trace headers first. Encoded words are decoded. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** The first text/plain part, cut to 1,000,000 characters. */
  readonly text: string | null;
  /** Its HTML is at `/api/mails/<id>/html`. */
  readonly hasHtml: boolean;
  readonly structure: MimePart | null;
  readonly attachments: readonly MimePart[];
  readonly objects: readonly StoredObject[];
  readonly verdicts: readonly ShownVerdict[];
  /** The notification, parsed. */
  readonly notification: unknown;
  /** Why the message could not be read to its end. */
  readonly problem?: string;
  readonly results: readonly HandlerResult[];
}

export interface DialogueLine {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly from: 'client' | 'server' | 'note';
  readonly text: string;
}

export interface SessionSummary {
  readonly id: string;
  readonly listener: string;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly openedAt: string;
  /** Absent while it is open. */
  readonly closedAt?: string;
  readonly clientDomain?: string;
  readonly username?: string;
  readonly tls?: string;
  readonly mails: readonly string[];
  readonly refusals: number;
}

export interface Dialogue extends SessionSummary {
  readonly lines: readonly DialogueLine[];
  /** Lines that were not kept. */
  readonly linesLeftOut: number;
}

export interface ShownRefusal {
  readonly id: number;
  readonly at: string;
  /** Absent for a connection that became no session. */
  readonly sessionId?: string;
  readonly listener: string;
  readonly clientAddress: string;
  /** What was refused: a verb, `message`, or `connection`. */
  readonly what: string;
  readonly code?: number;
  readonly rule: string;
  /** The reply as the client heard it. */
  readonly reply?: string;
  readonly argument?: string;
  readonly clientDomain?: string;
}

export interface HandlerResult {
  readonly at: string;
  readonly messageId?: string;
  readonly outcome: HandlerOutcome;
  readonly attempt: number;
  readonly attempts: number;
  /** It went to the dead-letter queue. */
  readonly isLast: boolean;
  readonly millis: number;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string };
  /** What it printed, cut to 65,536 characters. */
  readonly log: string;
}

export interface PageStatus {
  readonly version: string;
  readonly mails: number;
  readonly unread: number;
  readonly openSessions: number;
  /** The file of `--handler`. */
  readonly handler?: string;
  /** Why the handler cannot be loaded. */
  readonly handlerError?: string;
  readonly listeners: readonly {
    readonly name: string;
    readonly host: string;
    readonly port: number;
  }[];
  readonly bucket: string;
  readonly queueUrl: string;
}

export const TEST_MAILS = ['plain', 'html', 'attachment', 'large', 'signed-in'] as const;
export type TestMailKind = (typeof TEST_MAILS)[number];

/** `data` of the server-sent events, by their name. */
export interface PageEvents {
  /** New mails, or mails that changed. */
  readonly mails: readonly MailSummary[];
  /** The ids of mails that were deleted; `null`: all. */
  readonly removed: readonly string[] | null;
  readonly refusals: readonly ShownRefusal[];
  /** The ids of sessions that went on. */
  readonly sessions: readonly string[];
  readonly handler: readonly HandlerResult[];
}
