import type { Reply } from '../smtp/index.ts';

/** Everything that is said about sign-in and about what a credential allows. */
export const replies = {
  /** One text for a wrong, unknown, disabled or expired credential: the client must not learn which. */
  invalid: { code: 535, status: '7.8', text: 'Authentication credentials invalid' },
  /** RFC 4954 section 6: the operator's side failed, or has too much to do; the same attempt may work later. */
  temporary: { code: 454, status: '7.0', text: 'Temporary authentication failure' },
  locked: { code: 454, status: '7.0', text: 'Too many failed sign-ins, try again later' },
  crowded: { code: 421, status: '7.0', text: 'Too many failed sign-ins, closing connection' },
  senderNotAllowed: { code: 550, status: '7.1', text: 'Sender address not allowed for this user' },
  recipientNotAllowed: {
    code: 550,
    status: '7.1',
    text: 'Recipient address not allowed for this user',
  },
  tooLarge: { code: 552, status: '3.4', text: 'Message too large for this user' },
  messageRate: {
    code: 452,
    status: '7.1',
    text: 'Message rate of this user reached, try again later',
  },
  octetRate: { code: 452, status: '3.1', text: 'Volume of this user reached, try again later' },
  rateUnknown: { code: 451, status: '3.0', text: 'Temporary server error, try again later' },
} as const satisfies Record<string, Reply>;
