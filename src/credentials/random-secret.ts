import { randomBytes } from 'node:crypto';

/**
 * A secret of that many random octets, in the characters of base64url. It never begins with a hyphen: programs
 * such as swaks take a password that does for an option.
 */
export function randomSecret(octets: number): string {
  for (;;) {
    const secret = randomBytes(octets).toString('base64url');
    if (!secret.startsWith('-')) return secret;
  }
}
