/** What an operator may want to hear of. Never holds a secret, a token or a verifier. */
export type CredentialEvent =
  | {
      readonly kind: 'sign-in-accepted';
      readonly sessionId: string;
      readonly mechanism: string;
      readonly clientAddress: string;
      /** Canonical. */
      readonly username: string;
      /** `stale`: the table could not be read and the grace after the last reading held. */
      readonly source: 'table' | 'cache' | 'stale';
    }
  | {
      readonly kind: 'sign-in-refused';
      readonly sessionId: string;
      readonly mechanism: string;
      readonly clientAddress: string;
      /** Canonical, and only where there is such a credential: people type passwords into the wrong field. */
      readonly username?: string;
      /** What the client never learns. */
      readonly cause: RefusalCause;
      /** The reply code: 535, 454 or 421. */
      readonly code: number;
    }
  /** The table could not be asked: the client hears 454 unless the grace holds. */
  | {
      readonly kind: 'table-unavailable';
      readonly operation: 'read' | 'record-use' | 'count';
      /** The SDK's name of the error, as `AccessDeniedException`. */
      readonly error: string;
    }
  /** The keys of a token issuer could not be fetched. */
  | { readonly kind: 'issuer-unavailable'; readonly error: string }
  /** A row that cannot be understood, hence not used. */
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
  | 'mechanism-not-available'
  | 'throttled'
  | 'overloaded'
  | 'table-unavailable'
  | 'issuer-unavailable';
