// DMARC policy records (RFC 9989 section 4.7).

export type Policy = 'none' | 'quarantine' | 'reject';

export interface PolicyRecord {
  /** `undefined`: absent or invalid. */
  readonly p: Policy | undefined;
  readonly sp: Policy | undefined;
  readonly np: Policy | undefined;
  /** A `p`, `sp` or `np` has a value that is none. */
  readonly hasInvalidPolicy: boolean;
  readonly isStrictDkim: boolean;
  readonly isStrictSpf: boolean;
  readonly psd: 'y' | 'n' | 'u';
  readonly isTest: boolean;
  /** `rua` has at least one URI. */
  readonly wantsReports: boolean;
}

/** The policies of a record, as they apply (RFC 9989 section 4.10.1). */
export interface AppliedPolicies {
  readonly p: Policy;
  readonly sp: Policy | undefined;
  readonly np: Policy | undefined;
}

/** The version comes first, and its value is compared exactly. */
const VERSION = /^[ \t]*[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/;
const POLICIES: ReadonlySet<string> = new Set(['none', 'quarantine', 'reject']);
/** An RFC 3986 URI; commas and exclamation points are encoded, but for the obsolete size. */
const URI = /^[a-z][a-z0-9+.-]*:[\w.~:/?#[\]@$&'()*+;=%-]+(?:!\d+[kmgt]?)?$/i;

/** Whether a TXT record claims to be a policy record. */
export function isPolicyText(text: string): boolean {
  return VERSION.test(text);
}

/**
 * `undefined`: the text is no policy record, or has a tag twice, which makes the whole list invalid (RFC 6376
 * section 3.2). Tag names are compared exactly. Unknown tags and invalid values are left out.
 */
export function parsePolicyRecord(text: string): PolicyRecord | undefined {
  if (!isPolicyText(text)) return undefined;
  const tags = new Map<string, string>();
  for (const [index, part] of text.split(';').entries()) {
    const equals = part.indexOf('=');
    if (equals === -1) continue;
    const name = index === 0 ? 'v' : trim(part.slice(0, equals));
    if (tags.has(name)) return undefined;
    tags.set(name, trim(part.slice(equals + 1)));
  }
  const flag = (name: string): string => (tags.get(name) ?? '').toLowerCase();
  const policy = (name: string): Policy | undefined => {
    const value = flag(name);
    return isPolicy(value) ? value : undefined;
  };
  const psd = flag('psd');
  return {
    p: policy('p'),
    sp: policy('sp'),
    np: policy('np'),
    hasInvalidPolicy: ['p', 'sp', 'np'].some((name) => tags.has(name) && !isPolicy(flag(name))),
    isStrictDkim: flag('adkim') === 's',
    isStrictSpf: flag('aspf') === 's',
    psd: psd === 'y' || psd === 'n' ? psd : 'u',
    isTest: flag('t') === 'y',
    wantsReports: (tags.get('rua') ?? '').split(',').some((uri) => URI.test(trim(uri))),
  };
}

/**
 * Without a valid `p`, or with an invalid `sp` or `np`, a record that asks for reports acts as `p=none`, and another one
 * does not apply at all: `undefined`.
 */
export function appliedPolicies(record: PolicyRecord): AppliedPolicies | undefined {
  const { p, sp, np } = record;
  if (p !== undefined && !record.hasInvalidPolicy) return { p, sp, np };
  return record.wantsReports ? { p: 'none', sp: undefined, np: undefined } : undefined;
}

/** What `t=y` makes of a policy: one level less (RFC 9989 section 4.7). */
export function testedPolicy(policy: Policy): Policy {
  return policy === 'reject' ? 'quarantine' : 'none';
}

const STRENGTHS: Readonly<Record<Policy, number>> = { none: 0, quarantine: 1, reject: 2 };

export function isStricter(policy: Policy, than: Policy): boolean {
  return STRENGTHS[policy] > STRENGTHS[than];
}

function isPolicy(value: string): value is Policy {
  return POLICIES.has(value);
}

function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '');
}
