import type { Reply } from '../smtp/index.ts';

/** Every refusal of a policy. */
export const replies = {
  noSuchMailbox: { code: 550, status: '1.1', text: 'No such mailbox here' },
  senderNotAllowed: { code: 550, status: '7.1', text: 'Sender address not allowed for this user' },
  recipientNotAllowed: {
    code: 550,
    status: '7.1',
    text: 'Recipient address not allowed for this user',
  },
  /** The operator's fault (RFC 3463 section 3.4). */
  destinationInvalid: { code: 451, status: '3.5', text: 'System incorrectly configured' },
  tooLarge: { code: 552, status: '3.4', text: 'Message too large for this user' },
  messageRate: {
    code: 452,
    status: '7.1',
    text: 'Message rate of this user reached, try again later',
  },
  octetRate: { code: 452, status: '3.1', text: 'Volume of this user reached, try again later' },
  rateUnknown: { code: 451, status: '3.0', text: 'Temporary server error, try again later' },
} as const satisfies Record<string, Reply>;
