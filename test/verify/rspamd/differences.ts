// Where Mailsluice and rspamd differ, and why. A sender that is in no row must have the same results by both.
import type { Sender } from './senders.ts';

export interface Difference {
  readonly check: 'spf' | 'dkim' | 'dmarc' | 'arc';
  readonly rspamd: string;
  readonly mailsluice: string;
  readonly reason: string;
  readonly applies: (sender: Sender) => boolean;
}

/** The sender proves its domain by nothing but a signature that leaves a part of the body unsigned. */
const isPartial = ({ dkim, policy, from }: Sender): boolean =>
  // With strict alignment, the signature of the organization does not count for a subdomain anyway.
  dkim === 'l=' && !(policy === 'strict' && from !== 'same');

/** DMARC fails by both: neither SPF nor a whole signature passes for the organization, and DNS has answered. */
const fails = ({ spf, dkim }: Sender): boolean =>
  [
    'unsigned',
    'good of a stranger',
    'altered body',
    'altered subject',
    'wrong key',
    'no key',
    'revoked key',
  ].includes(dkim) && !['pass', 'pass of a sister', 'temperror'].includes(spf);

const PARTIAL =
  'A signature with l= covers a part of the body only, and anybody can add the rest: it authenticates nothing here. rspamd counts it.';
const TEST =
  'RFC 9989 section 4.7: t=y asks for the policy one level below the published one. rspamd has DMARC by RFC 7489, without the tag.';

export const differences: readonly Difference[] = [
  {
    check: 'spf',
    rspamd: 'fail',
    mailsluice: 'permerror',
    reason:
      'RFC 7208 section 4.6: a syntax error anywhere in the record is permerror. rspamd skips the mechanism that it cannot read, and reaches -all.',
    applies: ({ spf }) => spf === 'permerror',
  },
  {
    check: 'dmarc',
    rspamd: 'permerror',
    mailsluice: 'none',
    reason:
      'RFC 9989 section 4.10.1: DMARC is not applied by a record without a valid policy that asks for no reports. RFC 7489 section 6.6.3, by which rspamd goes, had the same without a name for it.',
    applies: ({ policy }) => policy === 'broken',
  },
  ...(['none', 'quarantine', 'reject'] as const).map(
    (asked): Difference => ({
      check: 'dmarc',
      rspamd: 'pass',
      mailsluice: `fail ${asked}`,
      reason: PARTIAL,
      applies: (sender) => isPartial(sender) && policyAsked(sender) === asked,
    }),
  ),
  {
    check: 'dmarc',
    rspamd: 'fail reject',
    mailsluice: 'fail quarantine',
    reason: TEST,
    applies: (sender) => sender.policy === 'test' && fails(sender),
  },
  {
    check: 'dmarc',
    rspamd: 'fail none',
    mailsluice: 'fail reject',
    reason:
      'RFC 9989 section 4.10.1: np is the policy for subdomains that do not exist. rspamd does not know the tag.',
    applies: (sender) => sender.policy === 'gone' && sender.from === 'missing' && fails(sender),
  },
];

/** The policy that applies to mail of the sender that fails; `undefined`: none. */
function policyAsked({ policy, from }: Sender): string | undefined {
  switch (policy) {
    case 'reject':
    case 'strict':
      return 'reject';
    case 'subnone':
      return from === 'same' ? 'reject' : 'none';
    case 'subown':
      return from === 'sub' ? 'quarantine' : 'reject';
    case 'test':
    case 'quarantine':
      return 'quarantine';
    case 'none':
      return 'none';
    case 'gone':
      return from === 'missing' ? 'reject' : 'none';
    case 'broken':
    case 'absent':
    case 'dead':
      return undefined;
  }
}
