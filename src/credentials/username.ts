// The one spelling of a user name under which its credential is stored and looked up.
import { saslprep } from './saslprep.ts';

/** UTF-8 octets of a canonical name; far under DynamoDB's 2,048 for a partition key. */
export const USERNAME_OCTETS = 255;

/**
 * The canonical user name: SASLprep (RFC 4013), then without regard to case, as RFC 8265 section 3.3 has it.
 * `undefined`: no credential can have that name.
 */
export function canonicalUsername(text: string): string | undefined {
  // NFKC at most triples a name; what is longer than this cannot become short enough.
  if (text.length > 4 * USERNAME_OCTETS) return undefined;
  const prepared = saslprep(text);
  if (prepared === undefined) return undefined;
  // By way of upper case: lower case alone keeps the two small sigmas, and the sharp s and "ss", apart.
  const folded = prepared.toLowerCase().toUpperCase().toLowerCase().normalize('NFKC');
  if (folded.length === 0 || Buffer.byteLength(folded) > USERNAME_OCTETS) return undefined;
  return folded;
}
