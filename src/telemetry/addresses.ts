import { createHash } from 'node:crypto';
import { cleanText } from './clean-text.ts';

/** How mail addresses are shown: only their domain, as a hash that tells equal from different, or whole. */
export type AddressDisplay = 'domain' | 'hash' | 'full';

/** RFC 5321 section 4.5.3.1.3: a path is at most 256 octets. */
const PATH_CHARACTERS = 256;

/**
 * A mail address as the log may show it. The null reverse-path (`null` or `''`) is always `<>`. A hash is
 * the first 64 bits of the SHA-256 of the address in lower case, as 16 hexadecimal digits.
 */
export function showAddress(address: string | null, display: AddressDisplay): string {
  if (address === null || address === '') return '<>';
  switch (display) {
    case 'full':
      return cleanText(address, PATH_CHARACTERS);
    case 'hash':
      return createHash('sha256').update(address.toLowerCase()).digest('hex').slice(0, 16);
    case 'domain': {
      const at = address.lastIndexOf('@');
      return at === -1 ? '(no domain)' : cleanText(address.slice(at + 1), PATH_CHARACTERS);
    }
  }
}
