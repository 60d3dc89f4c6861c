// What the tests of sign-in share: attempts, sessions, clocks, and what was observed.
import type { Clock } from '../../src/counters/time-source.ts';
import type { CredentialEvent } from '../../src/credentials/index.ts';
import {
  Secret,
  type SessionFacts,
  type SignInAnswer,
  type SignInAttempt,
} from '../../src/smtp/index.ts';

export const INVALID = {
  kind: 'refuse',
  reply: { code: 535, status: '7.8', text: 'Authentication credentials invalid' },
} as const;

export const TEMPORARY = {
  kind: 'refuse',
  reply: { code: 454, status: '7.0', text: 'Temporary authentication failure' },
} as const;

export const LOCKED = {
  kind: 'refuse',
  reply: { code: 454, status: '7.0', text: 'Too many failed sign-ins, try again later' },
} as const;

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

/** The reply code, or 235. */
export function codeOf(answer: SignInAnswer): number {
  return answer.kind === 'refuse' ? answer.reply.code : 235;
}

/** An observer that keeps what it was told. */
export function recorder(): {
  readonly observe: (event: CredentialEvent) => void;
  readonly events: CredentialEvent[];
} {
  const events: CredentialEvent[] = [];
  return { events, observe: (event) => void events.push(event) };
}

/** Time stands still but for `pass`, and for waits, which take exactly as long as they say. */
export class TestClock implements Clock {
  #now = Date.parse('2026-11-23T12:00:00Z');
  /** Every wait, in milliseconds. */
  readonly delays: number[] = [];

  now(): number {
    return this.#now;
  }

  pass(seconds: number): void {
    this.#now += seconds * 1000;
  }

  async delay(milliseconds: number): Promise<void> {
    this.delays.push(milliseconds);
    this.#now += milliseconds;
  }
}
