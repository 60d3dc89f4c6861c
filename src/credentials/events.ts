import type { SessionFacts } from '../smtp/index.ts';

/** One sign-in: the session that it belongs to, and its SASL mechanism. */
type SignIn = Readonly<
  Pick<SessionFacts, 'sessionId' | 'listener' | 'clientAddress' | 'clientPort'>
> & { readonly mechanism: string };

/** Events of sign-in for an operator. Never holds a secret, a token or a verifier. */
export type CredentialEvent =
  | (SignIn & {
      readonly kind: 'sign-in-accepted';
      /** Canonical. */
      readonly username: string;
      /** `stale`: the table could not be read, but the grace after the last read had not passed. */
      readonly source: 'table' | 'cache' | 'stale';
    })
  | (SignIn & {
      readonly kind: 'sign-in-refused';
      /** Canonical, and only where there is such a credential: people type passwords into the wrong field. */
      readonly username?: string;
      /** The reason, which the client never learns. */
      readonly cause: RefusalCause;
      /** The reply code: 535, 454 or 421. */
      readonly code: number;
    })
  /** A trusted proxy named a user who has no credential: the session has no grants, hence no restrictions. */
  | (SignIn & { readonly kind: 'identity-without-credential' })
  /** The table could not be read: sign-ins are answered 454 once the grace has passed. */
  | {
      readonly kind: 'table-unavailable';
      readonly operation: 'read' | 'record-use' | 'count';
      /** The SDK's name of the error, as `AccessDeniedException`. */
      readonly error: string;
    }
  /** The keys of a token issuer could not be fetched. */
  | { readonly kind: 'issuer-unavailable'; readonly error: string }
  /** A row that is not valid and therefore not used. */
  | {
      readonly kind: 'credential-unreadable';
      readonly username: string;
      readonly attribute: string;
    };

export type RefusalCause =
  | 'unknown-user'
  | 'wrong-secret'
  | 'disabled'
  | 'expired'
  | 'address-not-allowed'
  | 'authorization-id'
  | 'invalid-token'
  | 'token-not-allowed'
  | 'mechanism-not-available'
  | 'throttled'
  | 'overloaded'
  | 'table-unavailable'
  | 'issuer-unavailable';
