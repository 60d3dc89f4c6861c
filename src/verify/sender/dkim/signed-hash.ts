// The tags that DKIM-Signature, ARC-Message-Signature and ARC-Seal have in common: who signed, how, and the signature.
import { readBase64 } from './base64.ts';
import { readDomain, readName } from './domain-names.ts';

export interface SignedHash {
  readonly keyType: 'rsa' | 'ed25519';
  readonly domain: string;
  readonly selector: string;
  /** `b=`. */
  readonly octets: Buffer;
}

export type ReadSigned =
  | { readonly ok: true; readonly signed: SignedHash }
  | { readonly ok: false; readonly result: 'neutral' | 'policy'; readonly reason: string };

export function readSigned(tags: ReadonlyMap<string, string>): ReadSigned {
  const neutral = (reason: string): ReadSigned => ({ ok: false, result: 'neutral', reason });
  const algorithm = (tags.get('a') ?? '').toLowerCase();
  // RFC 8301 section 3.1: it must not be used for verifying.
  if (algorithm === 'rsa-sha1') return { ok: false, result: 'policy', reason: 'a= is rsa-sha1' };
  const keyType = KEY_TYPES.get(algorithm);
  if (keyType === undefined) return neutral('a= is missing or unknown');
  const domain = readDomain(tags.get('d') ?? '');
  if (domain === undefined) return neutral('d= is missing or not a domain');
  const selector = readName(tags.get('s') ?? '');
  if (selector === undefined) return neutral('s= is missing or not a selector');
  const octets = readBase64(tags.get('b') ?? '');
  if (octets === undefined) return neutral('b= is missing or not base64');
  return { ok: true, signed: { keyType, domain, selector, octets } };
}

const KEY_TYPES: ReadonlyMap<string, SignedHash['keyType']> = new Map([
  ['rsa-sha256', 'rsa'],
  ['ed25519-sha256', 'ed25519'],
]);
