import type { Reply } from '../smtp/index.ts';

/** Everything that is said about sign-in and about what a credential allows. */
export const replies = {
  /** One text for a wrong, unknown, disabled or expired credential: the client must not learn which. */
  invalid: { code: 535, status: '7.8', text: 'Authentication credentials invalid' },
  /** RFC 4954 section 6: the operator's side failed, or has too much to do; the same attempt may work later. */
  temporary: { code: 454, status: '7.0', text: 'Temporary authentication failure' },
} as const satisfies Record<string, Reply>;
