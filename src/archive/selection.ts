import type { BlockList } from 'node:net';

/** All that is given must hold. */
export interface Selection {
  /** In front of the time partitions, as `mail/`; read one after the other. */
  readonly prefixes: readonly string[];
  /** Received from then on. */
  readonly from?: Date;
  /** Received before. */
  readonly to?: Date;
  /** A messageId: only mails with a later one. */
  readonly afterId?: string;
  /** Octets of the object, its trace header block included. */
  readonly minSize?: number;
  readonly maxSize?: number;
  /** The reverse-path: an address, `@domain`, or `<>` for the null reverse-path. */
  readonly sender?: string;
  /** Any recipient of the envelope: an address or `@domain`. */
  readonly recipient?: string;
  /** Of any recipient of the envelope. */
  readonly recipientDomain?: string;
  /** A mailbox of the header field From: an address, `@domain`, or a text within, as a part of the name. */
  readonly headerFrom?: string;
  /** A text within the header field Subject, in whatever case. */
  readonly subject?: string;
  /** The name of the listener. */
  readonly listener?: string;
  /** Who signed in. */
  readonly username?: string;
  /** The address of the client is one of these. */
  readonly client?: BlockList;
  /** `dmarc=FAIL`: every one of these. */
  readonly verdicts?: Readonly<Partial<Record<VerdictName, string>>>;
}

export const VERDICT_NAMES = ['spam', 'virus', 'spf', 'dkim', 'dmarc'] as const;
export type VerdictName = (typeof VERDICT_NAMES)[number];
