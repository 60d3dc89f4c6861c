// What the tests of sign-in share: attempts, sessions, and what was observed.
import type { CredentialEvent } from '../../src/credentials/index.ts';
import { Secret, type SessionFacts, type SignInAttempt } from '../../src/smtp/index.ts';

export function session(clientAddress = '192.0.2.7', sessionId = 's1'): SessionFacts {
  return {
    sessionId,
    listener: 'submission',
    clientAddress,
    clientPort: 40_000,
    clientDomain: 'client.example',
    protocol: 'ESMTP',
    tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
    identity: null,
  };
}

export function plain(
  username: string,
  password: string,
  authorizationId?: string,
): SignInAttempt & { kind: 'password' } {
  return {
    kind: 'password',
    mechanism: 'PLAIN',
    username,
    password: new Secret(password),
    ...(authorizationId !== undefined && { authorizationId }),
  };
}

/** An observer that keeps what it was told. */
export function recorder(): {
  readonly observe: (event: CredentialEvent) => void;
  readonly events: CredentialEvent[];
} {
  const events: CredentialEvent[] = [];
  return { events, observe: (event) => void events.push(event) };
}
