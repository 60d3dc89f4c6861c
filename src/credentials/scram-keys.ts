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

/** RFC 7677 section 4 asks for at least 4,096; with 256 random bits more buys nothing. */
export const GENERATED_ITERATIONS = 4096;
/** OWASP's count for PBKDF2-HMAC-SHA-256: a stolen table must not be cheaper to search here than by argon2id. */
export const PASSWORD_ITERATIONS = 600_000;

const pbkdf2Async = promisify(pbkdf2);

export function makeScramSetting(iterations: number): ScramSetting {
  return { salt: randomBytes(16), iterations };
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
