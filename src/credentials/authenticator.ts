// Answers sign-in questions from the credential table.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SessionFacts, SignInAnswer, SignInAttempt } from '../smtp/index.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Credential, isInForce, liveSecrets } from './credential.ts';
import type { CredentialEvent, RefusalCause } from './events.ts';
import { UnreadableCredentialError } from './item.ts';
import { replies } from './replies.ts';
import { CredentialTable } from './table.ts';
import { canonicalUsername } from './username.ts';
import { makePasswordVerifier, verifySecret } from './verifier.ts';

export interface AuthenticatorOptions {
  /** The caller's: `createCredentialClient()` makes one; it is not destroyed here. */
  readonly client: DynamoDBClient;
  readonly table: string;
  /** Told of every sign-in and of every failure of the table; must not throw. */
  readonly observe?: (event: CredentialEvent) => void;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** Answers the `sign-in` questions of all sessions. */
export interface Authenticator {
  /** The SASL mechanisms that it can answer for, the strongest first. */
  readonly mechanisms: readonly string[];
  /** Never rejects, and settles within a bounded time. */
  authenticate(attempt: SignInAttempt, session: SessionFacts): SignInAnswer | Promise<SignInAnswer>;
}

type PasswordAttempt = SignInAttempt & { readonly kind: 'password' };

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  return new TableAuthenticator(options);
}

class TableAuthenticator implements Authenticator {
  readonly mechanisms = ['PLAIN', 'LOGIN'];
  readonly #table: CredentialTable;
  readonly #clock: Clock;
  readonly #observe: (event: CredentialEvent) => void;
  readonly #dummy = makePasswordVerifier('');

  constructor({ client, table, clock = systemClock, observe = () => {} }: AuthenticatorOptions) {
    this.#table = new CredentialTable(client, table);
    this.#clock = clock;
    this.#observe = observe;
  }

  async authenticate(attempt: SignInAttempt, session: SessionFacts): Promise<SignInAnswer> {
    if (attempt.kind !== 'password')
      return this.#refuse('mechanism-not-available', attempt, session);
    const username = canonicalUsername(attempt.username);
    let credential: Credential | undefined;
    try {
      credential = username === undefined ? undefined : await this.#table.read(username);
    } catch (error) {
      return this.#unavailable(error, username ?? '', attempt, session);
    }
    const cause = await this.#check(credential, attempt);
    if (cause !== undefined || credential === undefined) {
      return this.#refuse(cause ?? 'unknown-user', attempt, session);
    }
    const { mechanism } = attempt;
    const { sessionId } = session;
    this.#observe({
      kind: 'sign-in-accepted',
      sessionId,
      mechanism,
      username: credential.username,
      source: 'table',
    });
    return {
      kind: 'accept',
      identity: { username: credential.username, mechanism, grants: credential.grants },
    };
  }

  /** Why not, or `undefined`. Every way to fail costs one hash, so that time tells nothing. */
  async #check(
    credential: Credential | undefined,
    { authorizationId, password }: PasswordAttempt,
  ): Promise<RefusalCause | undefined> {
    const now = this.#clock.now();
    const secrets = credential === undefined ? [] : liveSecrets(credential, now);
    let fits = false;
    for (const { verifier } of secrets) {
      if (await verifySecret(verifier, password.reveal())) fits = true;
    }
    if (secrets.length === 0) await verifySecret(await this.#dummy, password.reveal());
    if (credential === undefined) return 'unknown-user';
    if (!fits) return 'wrong-secret';
    if (!isInForce(credential, now)) return credential.enabled ? 'expired' : 'disabled';
    // RFC 4616 section 2: a credential acts for itself only.
    if (authorizationId && canonicalUsername(authorizationId) !== credential.username) {
      return 'authorization-id';
    }
    return undefined;
  }

  #unavailable(
    error: unknown,
    username: string,
    attempt: SignInAttempt,
    session: SessionFacts,
  ): SignInAnswer {
    this.#observe(
      error instanceof UnreadableCredentialError
        ? { kind: 'credential-unreadable', username, attribute: error.attribute }
        : {
            kind: 'table-unavailable',
            operation: 'read',
            error: error instanceof Error ? error.name : 'unknown',
          },
    );
    return this.#refuse('table-unavailable', attempt, session);
  }

  #refuse(cause: RefusalCause, attempt: SignInAttempt, session: SessionFacts): SignInAnswer {
    const { sessionId, clientAddress } = session;
    const { mechanism } = attempt;
    this.#observe({ kind: 'sign-in-refused', sessionId, mechanism, clientAddress, cause });
    const reply = cause === 'table-unavailable' ? replies.temporary : replies.invalid;
    return { kind: 'refuse', reply };
  }
}
