// A DKIM-Signature (RFC 6376 section 3.5) or an ARC-Message-Signature (RFC 8617 section 4.1.2), read and checked as far as
// its text goes.
import type { RawField } from '../header/raw-fields.ts';
import { readBase64 } from './base64.ts';
import type { DkimResult } from './dkim-result.ts';
import { isWithin, readDomain, readName } from './domain-names.ts';
import { readSigned, type SignedHash } from './signed-hash.ts';
import { isProblem, readColonList, readTagList, withoutFolding } from './tag-list.ts';

export type Canonicalization = 'simple' | 'relaxed';

export interface Signature extends SignedHash {
  readonly headerForm: Canonicalization;
  readonly bodyForm: Canonicalization;
  readonly bodyHash: Buffer;
  /** The signed fields, in lower case. */
  readonly fieldNames: readonly string[];
  /** `l=`: how many octets of the canonical body are signed. */
  readonly bodyLimit?: number;
  /** `i=`, decoded: one character for each octet. */
  readonly identity: string;
  readonly identityDomain: string;
  /** Milliseconds since the epoch. */
  readonly expires?: number;
}

/** What is known of a signature whatever its text says, for its result. */
export type Claim = Pick<
  DkimResult,
  'domain' | 'selector' | 'identity' | 'algorithm' | 'signature'
>;

export type ReadSignature =
  | { readonly ok: true; readonly signature: Signature; readonly claim: Claim }
  | {
      readonly ok: false;
      readonly claim: Claim;
      readonly result: 'neutral' | 'permerror' | 'policy';
      readonly reason: string;
    };

/** How many names `h=` may hold. */
export const MOST_FIELD_NAMES = 500;
const TIMESTAMP = /^[0-9]{1,12}$/;
const LENGTH = /^[0-9]{1,76}$/;

export function readSignature(field: RawField, kind: 'dkim' | 'arc'): ReadSignature {
  const tags = readTagList(field.text.slice(field.colon + 1));
  if (isProblem(tags)) return refuse(NO_CLAIM, 'neutral', `the signature has ${tags.problem}`);
  const claim = readClaim(tags);
  const neutral = (reason: string): ReadSignature => refuse(claim, 'neutral', reason);

  if (kind === 'dkim' && tags.get('v') !== '1') return neutral('v= is not 1');
  const signed = readSigned(tags);
  if (!signed.ok) return refuse(claim, signed.result, signed.reason);
  const { domain } = signed.signed;

  const [headerForm = '', bodyForm = 'simple', ...rest] = (tags.get('c') ?? 'simple/simple')
    .toLowerCase()
    .split('/');
  if (!isCanonicalization(headerForm) || !isCanonicalization(bodyForm) || rest.length > 0) {
    return neutral('c= is unknown');
  }
  const bodyHash = readBase64(tags.get('bh') ?? '');
  if (bodyHash === undefined) return neutral('bh= is missing or not base64');

  const fieldNames = readColonList((tags.get('h') ?? '').toLowerCase());
  if (fieldNames.length > MOST_FIELD_NAMES) {
    return refuse(claim, 'permerror', `h= has more than ${MOST_FIELD_NAMES} names`);
  }
  if (fieldNames.includes('')) return neutral('h= is missing or has an empty name');
  // RFC 6376 section 6.1.1.
  if (!fieldNames.includes('from')) return refuse(claim, 'permerror', 'From is not signed');
  if (kind === 'arc' && fieldNames.includes('arc-seal')) return neutral('h= has ARC-Seal');

  const limit = tags.get('l');
  if (limit !== undefined && !LENGTH.test(limit)) return neutral('l= is not a number');
  const methods = readColonList((tags.get('q') ?? 'dns/txt').toLowerCase());
  if (!methods.includes('dns/txt')) return neutral('q= has no known method');

  const times = ['t', 'x'].map((name) => tags.get(name));
  if (times.some((time) => time !== undefined && !TIMESTAMP.test(time))) {
    return neutral('t= or x= is not a number');
  }
  const [signedAt, expires] = times.map((time) => (time === undefined ? undefined : Number(time)));
  if (signedAt !== undefined && expires !== undefined && expires <= signedAt) {
    return neutral('x= is not after t=');
  }

  // The i= of an ARC-Message-Signature is its instance.
  const identity = readIdentity(kind === 'dkim' ? tags.get('i') : undefined, domain);
  if (identity === undefined) return neutral('i= is not an address');
  if (!isWithin(identity.domain, domain)) {
    return refuse(claim, 'permerror', 'the domain of i= is not within d=');
  }
  const signature: Signature = {
    ...signed.signed,
    headerForm,
    bodyForm,
    bodyHash,
    fieldNames,
    identity: identity.text,
    identityDomain: identity.domain,
    ...(limit !== undefined && { bodyLimit: Number(limit) }),
    ...(expires !== undefined && { expires: expires * 1000 }),
  };
  return { ok: true, signature, claim };
}

const NO_CLAIM: Claim = { domain: '', selector: '' };

function refuse(
  claim: Claim,
  result: 'neutral' | 'permerror' | 'policy',
  reason: string,
): ReadSignature {
  return { ok: false, claim, result, reason };
}

function isCanonicalization(form: string): form is Canonicalization {
  return form === 'simple' || form === 'relaxed';
}

function readClaim(tags: ReadonlyMap<string, string>): Claim {
  const domain = readDomain(tags.get('d') ?? '') ?? '';
  const identity = domain === '' ? undefined : readIdentity(tags.get('i'), domain)?.text;
  const algorithm = (tags.get('a') ?? '').toLowerCase();
  const signature = withoutFolding(tags.get('b') ?? '').slice(0, 8);
  return {
    domain,
    selector: readName(tags.get('s') ?? '') ?? '',
    ...(identity !== undefined && isPrintable(identity) && { identity }),
    ...(/^[a-z0-9]+-[a-z0-9]+$/.test(algorithm) && algorithm.length <= 32 && { algorithm }),
    ...(/^[A-Za-z0-9+/=]+$/.test(signature) && { signature }),
  };
}

function isPrintable(text: string): boolean {
  return text.length <= 320 && /^[\x20-\x7e]+$/.test(text);
}

/** `i=` (RFC 6376 section 3.5): Quoted-Printable, its domain behind the last `@`. */
function readIdentity(
  value: string | undefined,
  signingDomain: string,
): { readonly text: string; readonly domain: string } | undefined {
  if (value === undefined) return { text: `@${signingDomain}`, domain: signingDomain };
  const decoded = withoutFolding(value).replace(/=([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const at = decoded.lastIndexOf('@');
  const domain = at === -1 ? undefined : readDomain(decoded.slice(at + 1));
  return domain === undefined ? undefined : { text: `${decoded.slice(0, at)}@${domain}`, domain };
}
