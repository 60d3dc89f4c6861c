import type { TimeRange } from '../received-time.ts';
import type { Person, Role } from './person.ts';

/** Whose mail, of when, and where. */
export interface EraseScope {
  readonly person: Person;
  readonly range: TimeRange;
  /** In front of the time partitions. Default: every prefix of the bucket that has some. */
  readonly prefixes?: readonly string[];
}

/** One thing that is erased: a mail with its record, a notification in the outbox, a person's rows of an index file. */
export interface EraseItem {
  readonly kind: 'mail' | 'outbox' | 'index';
  readonly key: string;
  readonly messageId?: string;
  /** ISO 8601. */
  readonly receivedAt?: string;
  /** Of the message as received; in hexadecimal. */
  readonly sha256?: string;
  /** How the person takes part. */
  readonly roles?: readonly Role[];
  /** Recipients of the envelope who are somebody else. */
  readonly otherRecipients?: number;
  /** The person's rows, over all versions of the file. */
  readonly rows?: number;
  /** What is deleted. */
  readonly versions: readonly ErasedVersion[];
}

export interface ErasedVersion {
  readonly key: string;
  readonly versionId?: string;
  readonly isDeleteMarker?: boolean;
}

/**
 * `found`: it would be erased. `kept`: it is somebody else's mail too, and `keepShared` was asked for. `refused`: S3
 * keeps it. `unread`: whose it is cannot be known.
 */
export interface EraseOutcome extends EraseItem {
  readonly outcome: 'found' | 'erased' | 'kept' | 'refused' | 'unread';
  /** Why it is not erased, and what to do. */
  readonly reason?: string;
}
