// A session as most tests want it.
import { type ConnectionFacts, Session, type SessionOptions } from '../../src/smtp/index.ts';

export const usualOptions: SessionOptions = {
  hostname: 'mx.example',
  protocol: 'smtp',
  tls: 'none',
  requireTls: false,
  auth: 'none',
  allowInsecureAuth: false,
  mechanisms: ['PLAIN', 'LOGIN'],
  bareNewline: 'reject',
  addressSyntax: 'internet',
  smtpUtf8: true,
  maxMessageSize: 1_048_576,
  maxRecipients: 100,
  maxMessages: 100,
  maxErrors: 20,
  maxSignInFailures: 3,
  // Off, so that most transcripts need not name them after EHLO
  chunking: false,
  dsn: false,
  requireTlsExtension: false,
  limits: false,
};

export const connection: ConnectionFacts = {
  sessionId: 'session-1',
  listener: 'mx',
  clientAddress: '192.0.2.1',
  clientPort: 54_321,
};

export function newSession(
  options: Partial<SessionOptions> = {},
  facts: Partial<ConnectionFacts> = {},
): Session {
  return new Session({ ...usualOptions, ...options }, { ...connection, ...facts });
}
