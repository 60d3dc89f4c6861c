// Authorization: what the holder of a credential may do in a session. Pure functions of its grants; `undefined` means
// allowed, a reply is the refusal. Without grants, as for an identity from elsewhere, everything is allowed.
import type { ForwardPath, Reply, ReversePath } from '../smtp/index.ts';
import { matchesAddress } from './address-pattern.ts';
import { OBJECT_PREFIX, TOPIC_ARN } from './destination-rules.ts';
import type { Grants } from './grants.ts';
import { replies } from './replies.ts';

/** At MAIL: may the holder send as this reverse-path? `hostname` is the domain of a bare `<postmaster>`. */
export function checkSender(
  grants: Grants | undefined,
  reversePath: ReversePath,
  hostname: string,
): Reply | undefined {
  const patterns = grants?.allowedSenders;
  if (patterns === undefined || matchesAddress(patterns, reversePath, hostname)) return undefined;
  return replies.senderNotAllowed;
}

/** At RCPT: may the holder send to this forward-path? `hostname` is the domain of a bare `<postmaster>`. */
export function checkRecipient(
  grants: Grants | undefined,
  forwardPath: ForwardPath,
  hostname: string,
): Reply | undefined {
  const patterns = grants?.allowedRecipients;
  if (patterns === undefined || matchesAddress(patterns, forwardPath, hostname)) return undefined;
  return replies.recipientNotAllowed;
}

/** At MAIL with a declared SIZE, and again after the last octet of the message. */
export function checkSize(
  grants: Grants | undefined,
  sizeInOctets: number | undefined,
): Reply | undefined {
  const limit = grants?.maxMessageSize;
  if (limit === undefined || sizeInOctets === undefined || sizeInOctets <= limit) return undefined;
  return replies.tooLarge;
}

/** At MAIL: may the mail of the holder go where the grants say? A row of the table may say anything. */
export function checkDestination(grants: Grants | undefined): Reply | undefined {
  const { prefix = '', topicArn } = grants ?? {};
  const isRight =
    OBJECT_PREFIX.test(prefix) && (topicArn === undefined || TOPIC_ARN.test(topicArn));
  return isRight ? undefined : replies.destinationInvalid;
}

/** Where the mail of one credential is stored and announced, in place of the configured places. */
export interface Destination {
  /** The key prefix of its objects. */
  readonly prefix?: string;
  readonly topicArn?: string;
}

/** The credential's own key prefix and topic, as far as it has them. */
export function destinationOf(grants: Grants | undefined): Destination {
  return {
    ...(grants?.prefix !== undefined && { prefix: grants.prefix }),
    ...(grants?.topicArn !== undefined && { topicArn: grants.topicArn }),
  };
}
