import type { Readable } from 'node:stream';
import type { Notification } from '../../bridge/index.ts';

/** Where a replay goes. */
export interface Destination {
  /** What a person calls it, and what a state file remembers: `topic arn:aws:sns:…`. */
  readonly name: string;
  /**
   * Settles when the destination has taken the mail.
   * @throws MailRefusedError where it does not take this one; anything else stops the replay.
   */
  deliver(mail: ReplayedMail): Promise<void>;
  /** Mails of one group are delivered one after the other, in their order. Absent: the order does not matter. */
  groupOf?(mail: ReplayedMail): string;
}

export interface ReplayedMail {
  readonly key: string;
  readonly messageId: string;
  /** The id of the replay. */
  readonly replayId: string;
  /** The first one, marked as a replay. */
  readonly notification: Notification;
  /** The mail's octets. */
  readonly open: () => Promise<Readable>;
}

const REASON_CHARACTERS = 300;

/** The destination took the request and will not have this mail; the next one may be fine. */
export class MailRefusedError extends Error {
  override readonly name = 'MailRefusedError';
  readonly code = 'MAILSLUICE_REPLAY_REFUSED';

  /** `reason` becomes one line of a report, whatever the destination answered. */
  constructor(reason: string, options?: ErrorOptions) {
    super(reason.replace(/[\s\p{Cc}]+/gu, ' ').slice(0, REASON_CHARACTERS), options);
  }
}
