// Every reply that the bridge gives to a client.
import type { Reply } from '../smtp/index.ts';
import type { FailureCause } from './events.ts';

/** To MAIL and to the message, while the bridge takes no mail: memory is short, or S3 fails. */
export const OVERLOADED: Reply = { code: 452, status: '3.1', text: 'Too busy, try again later' };

/** The promise: the mail is stored, and announced or in the outbox. */
export function queuedAs(messageId: string): Reply {
  return { code: 250, status: '0.0', text: `Ok: queued as ${messageId}` };
}

/**
 * The mail is not stored, or not announced. A fault of ours is always temporary for the sender; only the log says
 * which fault it is.
 */
export function notStored(cause: FailureCause): Reply {
  // RFC 3463 section 3.4: X.3.5 is "system incorrectly configured", X.3.0 any other fault of ours.
  const status = cause === 'configuration' ? '3.5' : '3.0';
  return { code: 451, status, text: 'Message not stored, try again later' };
}
