// What an attempt to sign in comes to, before it is counted and answered.
import type { Reply } from '../smtp/index.ts';
import type { Credential } from './credential.ts';
import type { Reading } from './credential-reader.ts';
import type { RefusalCause } from './events.ts';
import { replies } from './replies.ts';
import type { SignInProof } from './sign-in-proof.ts';

export interface Accepted {
  readonly kind: 'accepted';
  readonly reading: Reading;
  /** Absent where no row was read. */
  readonly proof?: SignInProof | undefined;
  readonly identity: {
    readonly username: string;
    readonly mechanism: string;
    readonly grants?: unknown;
  };
}

/** What was found of an attempt: why it is refused, or by what the client has proved who it is. */
export interface Finding {
  readonly cause?: RefusalCause | undefined;
  readonly proof?: SignInProof | undefined;
}

/** The attempt was compared with something. */
export interface Failed {
  readonly kind: 'failed';
  readonly cause: RefusalCause;
  readonly reply: Reply;
  readonly credential?: Credential | undefined;
}

/** What an attempt comes to. `uncompared`: it could not be compared with anything. */
export type Outcome =
  | Accepted
  | Failed
  | { readonly kind: 'uncompared'; readonly cause: RefusalCause };

/** A failure by the client's fault. */
export function failed(cause: RefusalCause, credential?: Credential): Failed {
  return { kind: 'failed', cause, reply: replies.invalid, credential };
}
