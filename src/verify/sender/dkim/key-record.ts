// Public keys in DNS (RFC 6376 section 3.6.1, RFC 8463 section 4).
import { createPublicKey, type KeyObject } from 'node:crypto';
import { readBase64 } from './base64.ts';
import { isProblem, readColonList, readTagList, withoutFolding } from './tag-list.ts';

export interface UsableKey {
  readonly ok: true;
  readonly key: KeyObject;
  readonly type: 'rsa' | 'ed25519';
  /** To verify with it takes long enough to let others have the thread first. */
  readonly isLong: boolean;
  /** `t=s`: the domain of `i=` must be the signing domain itself. */
  readonly isStrict: boolean;
  /** `t=y`. */
  readonly isTesting: boolean;
}

export type KeyRecord =
  | UsableKey
  | {
      readonly ok: false;
      /** `policy`: the key is too weak. */
      readonly result: 'permerror' | 'policy';
      readonly reason: string;
    };

/** RFC 8301 section 3.2. */
const LEAST_BITS = 1024;
/** More than anyone publishes; a signature is verified in half a millisecond. */
const MOST_BITS = 8192;
/** What every verifier must take (RFC 8301 section 3.2). */
const USUAL_BITS = 4096;
/** 65,537 is in use, and a few larger ones. With a long exponent, verifying takes as long as signing. */
const MOST_EXPONENT = 2n ** 33n;
const MOST_RECORD_OCTETS = 4096;
/** What stands before the 32 octets of an Ed25519 key as SubjectPublicKeyInfo (RFC 8410 section 4). */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Reads the record of a key. `text`: one character for each octet. */
export function readKeyRecord(text: string): KeyRecord {
  const refuse = (reason: string): KeyRecord => ({ ok: false, result: 'permerror', reason });
  if (text.length > MOST_RECORD_OCTETS) return refuse('the key record is too long');
  const tags = readTagList(text);
  if (isProblem(tags)) return refuse(`the key record has ${tags.problem}`);
  const version = tags.get('v');
  if (version !== undefined && (version !== 'DKIM1' || [...tags.keys()][0] !== 'v')) {
    return refuse('the key record is of an unknown version');
  }
  const type = (tags.get('k') ?? 'rsa').toLowerCase();
  if (type !== 'rsa' && type !== 'ed25519') return refuse('the key is of an unknown type');
  const hashes = readColonList((tags.get('h') ?? 'sha256').toLowerCase());
  if (!hashes.includes('sha256')) return refuse('the key is not for SHA-256');
  const services = readColonList((tags.get('s') ?? '*').toLowerCase());
  if (!services.includes('*') && !services.includes('email'))
    return refuse('the key is not for email');
  const published = tags.get('p');
  if (published === undefined) return refuse('the key record has no p=');
  if (withoutFolding(published) === '') return refuse('the key is revoked');
  const octets = readBase64(published);
  const key = octets === undefined ? undefined : readKey(type, octets);
  if (key === undefined) return refuse('the key cannot be read');

  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (type === 'rsa' && modulusLength < LEAST_BITS) {
    return { ok: false, result: 'policy', reason: `the key has fewer than ${LEAST_BITS} bits` };
  }
  if (type === 'rsa' && (modulusLength > MOST_BITS || publicExponent > MOST_EXPONENT)) {
    return refuse('the key is too long');
  }
  const flags = readColonList((tags.get('t') ?? '').toLowerCase());
  return {
    ok: true,
    key,
    type,
    isLong: modulusLength > USUAL_BITS,
    isStrict: flags.includes('s'),
    isTesting: flags.includes('y'),
  };
}

function readKey(type: UsableKey['type'], octets: Buffer): KeyObject | undefined {
  if (type === 'ed25519' && octets.length !== 32) return undefined;
  const der = type === 'ed25519' ? Buffer.concat([ED25519_PREFIX, octets]) : octets;
  // RFC 6376 has RSAPublicKey; SubjectPublicKeyInfo is what everyone publishes (erratum 3017).
  const form = type === 'rsa' && isRsaPublicKey(der) ? 'pkcs1' : 'spki';
  try {
    const key = createPublicKey({ key: der, format: 'der', type: form });
    return key.asymmetricKeyType === type ? key : undefined;
  } catch {
    return undefined;
  }
}

/** A SEQUENCE that begins with an INTEGER; SubjectPublicKeyInfo begins with another SEQUENCE. */
function isRsaPublicKey(der: Buffer): boolean {
  const lengthOctet = der[1] ?? 0;
  return der[lengthOctet < 0x80 ? 2 : 2 + (lengthOctet & 0x7f)] === 0x02;
}
