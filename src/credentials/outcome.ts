// What an attempt to sign in comes to, before it is counted and answered.
import type { Reply } from '../smtp/index.ts';
import type { Credential } from './credential.ts';
import type { Reading } from './credential-reader.ts';
import type { RefusalCause } from './events.ts';
import { replies } from './replies.ts';

export interface Accepted {
  readonly kind: 'accepted';
  readonly reading: Reading;
  readonly identity: {
    readonly username: string;
    readonly mechanism: string;
    readonly grants?: unknown;
  };
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
