import type { Reply } from './reply.ts';
import type { Identity } from './session-facts.ts';
import type { Secret } from './secret.ts';

/**
 * One attempt to sign in, as its mechanism's exchange understood it. `password`: PLAIN and LOGIN. `scram`:
 * the client named a user and the exchange needs that user's verifiers to go on; the proof is checked by
 * the exchange. `token`: OAUTHBEARER and XOAUTH2. `certificate`: EXTERNAL.
 */
export type SignInAttempt =
  | {
      readonly kind: 'password';
      readonly mechanism: string;
      readonly username: string;
      readonly password: Secret;
      /** The identity to act as, where the client named one other than `''` (RFC 4616). */
      readonly authorizationId?: string;
    }
  | {
      readonly kind: 'scram';
      readonly mechanism: string;
      readonly username: string;
      readonly authorizationId?: string;
    }
  | {
      readonly kind: 'token';
      readonly mechanism: string;
      /** `''` where the client left the name to the token. */
      readonly username: string;
      readonly token: Secret;
    }
  | {
      readonly kind: 'certificate';
      readonly mechanism: string;
      /** `''` where the client left the name to the certificate. */
      readonly authorizationId: string;
      readonly subject: string;
      readonly fingerprint256: string;
    };

/** What SCRAM-SHA-256 stores of a password (RFC 5802 section 3). It does not reveal the password. */
export interface ScramVerifier {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/**
 * The answer to an attempt. For `scram`, `verify` lets the exchange go on: several verifiers may be valid at
 * once (rotation), sharing one salt and iteration count; an unknown user gets verifiers that no proof fits, so
 * that it looks like a known one. The session never calls `settle`: its caller keeps it, and calls it once, when the
 * session asks `settle-sign-in`, or with `false` when the exchange ends before. `fitting` is the one of the verifiers
 * that the client's proof fits.
 */
export type SignInAnswer =
  | { readonly kind: 'accept'; readonly identity: Identity }
  | { readonly kind: 'refuse'; readonly reply: Reply }
  | {
      readonly kind: 'verify';
      readonly verifiers: readonly ScramVerifier[];
      readonly settle: (
        proved: boolean,
        fitting?: ScramVerifier,
      ) => SignInAnswer | Promise<SignInAnswer>;
    };
