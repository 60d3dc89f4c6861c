// One signature against its fields, its body and its key (RFC 6376 section 6.1).
import { createHash, verify } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RawField } from '../header/raw-fields.ts';
import type { HashOf } from './body-forms.ts';
import { canonicalSignature, type SignedFields } from './canonical-header.ts';
import type { DkimResult } from './dkim-result.ts';
import type { UsableKey } from './key-record.ts';
import type { Key } from './key-lookups.ts';
import type { Signature } from './signature.ts';

export type Outcome = Pick<DkimResult, 'result' | 'reason' | 'partial' | 'testing'>;

export interface Signed {
  readonly field: RawField;
  readonly fields: SignedFields;
  readonly bodyHash: HashOf;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** `findKey` is called only if the body is as it was signed. */
export async function verifySignature(
  signature: Signature,
  { field, fields, bodyHash, now }: Signed,
  findKey: () => Promise<Key>,
): Promise<Outcome> {
  const body = bodyHash(signature.bodyLimit);
  if (body === undefined) return { result: 'fail', reason: 'l= is longer than the body' };
  const partial = body.unsigned > 0 && ({ partial: true } as const);
  if (!body.digest.equals(signature.bodyHash)) {
    return { result: 'fail', reason: 'the body was altered', ...partial };
  }
  const key = await findKey();
  if (!key.ok) return { result: key.result, reason: key.reason, ...partial };
  const known = { ...partial, ...(key.isTesting && ({ testing: true } as const)) };
  if (key.isStrict && signature.identityDomain !== signature.domain) {
    return { result: 'permerror', reason: 'the key is not for a subdomain in i=', ...known };
  }
  const text =
    fields.canonical(signature.fieldNames, signature.headerForm) +
    canonicalSignature(field, signature.headerForm);
  if (!(await isSignedBy(key, text, signature.octets))) {
    return { result: 'fail', reason: 'the signature does not match', ...known };
  }
  if (signature.expires !== undefined && signature.expires < now) {
    return { result: 'permerror', reason: 'the signature has expired', ...known };
  }
  return { result: 'pass', ...known };
}

/** Whether `signature` is of `text`, one character for each octet (RFC 6376 section 3.3, RFC 8463 section 3). */
export async function isSignedBy(
  { key, type, isLong }: UsableKey,
  text: string,
  signature: Buffer,
): Promise<boolean> {
  if (isLong) await nextTurn();
  const octets = Buffer.from(text, 'latin1');
  try {
    return type === 'rsa'
      ? verify('sha256', octets, key, signature)
      : verify(null, createHash('sha256').update(octets).digest(), key, signature);
  } catch {
    // OpenSSL refuses some keys only when they are used.
    return false;
  }
}
