// What a credential lets its holder do in a session, as pure functions of its grants: `undefined` is yes, a
// reply says no. Grants that do not restrict, or an identity from elsewhere, let everything through.
import type { ForwardPath, Reply, ReversePath } from '../smtp/index.ts';
import { matchesAddress } from './address-pattern.ts';
import type { Grants } from './grants.ts';
import { replies } from './replies.ts';

/** MAIL: may the holder send as this reverse-path? */
export function checkSender(
  grants: Grants | undefined,
  reversePath: ReversePath,
): Reply | undefined {
  const patterns = grants?.allowedSenders;
  if (patterns === undefined || matchesAddress(patterns, reversePath)) return undefined;
  return replies.senderNotAllowed;
}

/** RCPT: may the holder send to this forward-path? */
export function checkRecipient(
  grants: Grants | undefined,
  forwardPath: ForwardPath,
): Reply | undefined {
  const patterns = grants?.allowedRecipients;
  if (patterns === undefined || matchesAddress(patterns, forwardPath)) return undefined;
  return replies.recipientNotAllowed;
}

/** MAIL with a declared SIZE, and the message once all of it came. */
export function checkSize(
  grants: Grants | undefined,
  sizeInOctets: number | undefined,
): Reply | undefined {
  const most = grants?.maxMessageSize;
  if (most === undefined || sizeInOctets === undefined || sizeInOctets <= most) return undefined;
  return replies.tooLarge;
}

/** Where the holder's mail goes instead of where the configuration says. */
export interface Destination {
  /** Key prefix of the tenant. */
  readonly prefix?: string;
  readonly topicArn?: string;
}

/** For the bridge: the prefix and the topic of the credential, where it has its own. */
export function destinationOf(grants: Grants | undefined): Destination {
  return {
    ...(grants?.prefix !== undefined && { prefix: grants.prefix }),
    ...(grants?.topicArn !== undefined && { topicArn: grants.topicArn }),
  };
}
