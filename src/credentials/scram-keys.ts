// What SCRAM-SHA-256 stores instead of the password (RFC 5802 section 3, RFC 7677).
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

/** Shared by all secrets of one credential, since the exchange names one salt and one count. */
export interface ScramSetting {
  readonly salt: Buffer;
  readonly iterations: number;
}

export interface ScramKeys {
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/**
 * OWASP's count for PBKDF2-HMAC-SHA-256: a stolen table must not be cheaper to search here than by argon2id. Generated
 * secrets do not need it, but the count is sent before the client proves anything, and must not tell the kind.
 */
export const ITERATIONS = 600_000;
/** What generated secrets had before: keys of such rows hold until the secret is rotated. */
export const FORMER_ITERATIONS = 4096;

const pbkdf2Async = promisify(pbkdf2);

export function makeScramSetting(): ScramSetting {
  return { salt: randomBytes(16), iterations: ITERATIONS };
}

/** The keys of a secret that SASLprep has prepared. */
export async function deriveScramKeys(
  secret: string,
  { salt, iterations }: ScramSetting,
): Promise<ScramKeys> {
  const salted = await pbkdf2Async(secret, salt, iterations, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  return {
    storedKey: createHash('sha256').update(clientKey).digest(),
    serverKey: createHmac('sha256', salted).update('Server Key').digest(),
  };
}
