import type { Reply } from '../smtp/index.ts';

/** Every reply to a sign-in attempt. */
export const replies = {
  /** One text for a wrong, unknown, disabled or expired credential: the client must not learn which. */
  invalid: { code: 535, status: '7.8', text: 'Authentication credentials invalid' },
  /** RFC 4954 section 6: the operator's side failed, or has too much to do; the same attempt may work later. */
  temporary: { code: 454, status: '7.0', text: 'Temporary authentication failure' },
  locked: { code: 454, status: '7.0', text: 'Too many failed sign-ins, try again later' },
  crowded: { code: 421, status: '7.0', text: 'Too many failed sign-ins, closing connection' },
} as const satisfies Record<string, Reply>;
