// DMARC by RFC 9989, as tables: its own examples (sections 4.4, 4.10 and appendix B), those of RFC 7489 appendix B, what a record
// may say, and what a DNS failure does.
import { expect, test } from 'vitest';
import type { Author } from '../../../src/verify/sender/author/author.ts';
import { evaluateDmarc, type Identifier } from '../../../src/verify/sender/dmarc/dmarc.ts';
import { organizationalDomain, TreeWalks } from '../../../src/verify/sender/dmarc/tree-walk.ts';
import { zoneLookups } from './zone-text.ts';

const NO_SPF: Identifier = { result: 'none', domain: '' };

function authorAt(domain: string): Author {
  return { kind: 'mailbox', address: `sender@${domain}`, domain };
}

interface Case {
  readonly zone: string;
  readonly from: string;
  /** `result domain`. */
  readonly spf?: string;
  /** `result domain`, `result domain partial`. */
  readonly dkim?: readonly string[];
  readonly expected: Readonly<Record<string, unknown>>;
}

function identifier(text: string): Identifier {
  const [result, domain = '', partial] = text.split(' ');
  return {
    result: result as Identifier['result'],
    domain,
    ...(partial === 'partial' && { partial: true }),
  };
}

async function evaluate({ zone, from, spf, dkim = [] }: Omit<Case, 'expected'>) {
  return evaluateDmarc({
    author: authorAt(from),
    spf: spf === undefined ? NO_SPF : identifier(spf),
    dkim: dkim.map(identifier),
    walks: new TreeWalks(zoneLookups(zone)),
  });
}

const REJECT = 'v=DMARC1; p=reject';
const EXAMPLE = `_dmarc.example.com TXT ${REJECT}`;
const PSD = `_dmarc.bank.example TXT v=DMARC1; p=reject; psd=y
  _dmarc.giant.bank.example TXT v=DMARC1; p=quarantine
  mega.bank.example A 192.0.2.1`;

const examples: readonly (readonly [string, Case])[] = [
  [
    'RFC 9989 section 4.4.1, and RFC 7489 appendix B.1.1 example 1: SPF, identical',
    {
      zone: EXAMPLE,
      from: 'example.com',
      spf: 'pass example.com',
      expected: { result: 'pass', spf: 'aligned' },
    },
  ],
  [
    'RFC 9989 appendix B.1.1, and RFC 7489 appendix B.1.1 example 2: SPF of a child',
    {
      zone: EXAMPLE,
      from: 'example.com',
      spf: 'pass child.example.com',
      expected: { result: 'pass', spf: 'aligned' },
    },
  ],
  [
    'the same with aspf=s',
    {
      zone: `${EXAMPLE}; aspf=s`,
      from: 'example.com',
      spf: 'pass child.example.com',
      expected: { result: 'fail', spf: 'unaligned', policy: 'reject' },
    },
  ],
  [
    'RFC 9989 appendix B.1.1, and RFC 7489 appendix B.1.1 example 3: SPF of another domain',
    {
      zone: EXAMPLE,
      from: 'child.example.com',
      spf: 'pass example.net',
      expected: { result: 'fail', spf: 'unaligned' },
    },
  ],
  [
    'RFC 9989 appendix B.1.2, and RFC 7489 appendix B.1.2 example 1: DKIM, identical',
    {
      zone: EXAMPLE,
      from: 'example.com',
      dkim: ['pass example.com'],
      expected: { result: 'pass', dkim: ['aligned'] },
    },
  ],
  [
    'RFC 9989 appendix B.1.2, and RFC 7489 appendix B.1.2 example 2: DKIM of a parent',
    {
      zone: EXAMPLE,
      from: 'child.example.com',
      dkim: ['pass example.com'],
      expected: { result: 'pass', dkim: ['aligned'] },
    },
  ],
  [
    'the same with adkim=s',
    {
      zone: `${EXAMPLE}; adkim=s`,
      from: 'child.example.com',
      dkim: ['pass example.com'],
      expected: { result: 'fail', dkim: ['unaligned'] },
    },
  ],
  [
    'RFC 9989 appendix B.1.2, and RFC 7489 appendix B.1.2 example 3: DKIM of another domain',
    {
      zone: EXAMPLE,
      from: 'child.example.com',
      dkim: ['pass example.net'],
      expected: { result: 'fail', dkim: ['unaligned'] },
    },
  ],
  [
    'RFC 9989 section 4.4: foo.example.com and news.example.com',
    {
      zone: EXAMPLE,
      from: 'news.example.com',
      dkim: ['pass foo.example.com'],
      expected: { result: 'pass' },
    },
  ],
  [
    'RFC 9989 section 4.4: foo.example.net and news.example.com',
    {
      zone: `${EXAMPLE}\n_dmarc.example.net TXT ${REJECT}`,
      from: 'news.example.com',
      dkim: ['pass foo.example.net'],
      expected: { result: 'fail' },
    },
  ],
  [
    'RFC 9989 appendix B.2.1: the whole domain is only watched',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com',
      from: 'example.com',
      expected: { result: 'fail', policy: 'none' },
    },
  ],
  [
    'RFC 9989 appendix B.2.2: failure reports',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com; ruf=mailto:auth-reports@example.com',
      from: 'example.com',
      expected: { result: 'fail', policy: 'none' },
    },
  ],
  [
    'RFC 9989 appendix B.2.5: a subdomain under test asks for one level less',
    {
      zone: '_dmarc.test.example.com TXT v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net; t=y',
      from: 'test.example.com',
      expected: { result: 'fail', policy: 'none' },
    },
  ],
  [
    'RFC 9989 appendix B.2.5: and then means it',
    {
      zone: '_dmarc.test.example.com TXT v=DMARC1; p=reject; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net',
      from: 'test.example.com',
      expected: { result: 'fail', policy: 'reject' },
    },
  ],
  [
    'RFC 7489 appendix B.2.4: pct is ignored since RFC 9989',
    {
      zone: '_dmarc.test.example.com TXT v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net!10m; pct=25',
      from: 'test.example.com',
      expected: { result: 'fail', policy: 'quarantine' },
    },
  ],
  [
    'RFC 9989 appendix B.3.1: SPF and DKIM are aligned',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=reject; aspf=r; rua=mailto:dmarc-feedback@example.com',
      from: 'example.com',
      spf: 'pass mail.example.com',
      dkim: ['pass example.com'],
      expected: { result: 'pass', spf: 'aligned', dkim: ['aligned'] },
    },
  ],
  [
    'RFC 9989 appendix B.4.1: a simple organization',
    {
      zone: `${EXAMPLE}\n_dmarc.signing.example.com TXT v=DMARC1; p=none`,
      from: 'example.com',
      spf: 'pass example.com',
      dkim: ['pass signing.example.com'],
      expected: { result: 'pass', spf: 'aligned', dkim: ['aligned'] },
    },
  ],
  [
    'RFC 9989 appendix B.4.2: a deep tree',
    {
      zone: `${EXAMPLE}\n_dmarc.signing.example.com TXT v=DMARC1; p=none`,
      from: 'a.b.c.d.e.f.g.h.i.j.k.example.com',
      spf: 'pass example.com',
      dkim: ['pass signing.example.com'],
      expected: { result: 'pass', spf: 'aligned', dkim: ['aligned'], policy: 'reject' },
    },
  ],
  [
    'RFC 9989 appendix B.4.3: a public suffix with a record',
    {
      zone: PSD,
      from: 'giant.bank.example',
      spf: 'pass mail.giant.bank.example',
      dkim: ['pass mail.mega.bank.example'],
      expected: { result: 'pass', spf: 'aligned', dkim: ['unaligned'], policy: 'quarantine' },
    },
  ],
  [
    'the policy of a public suffix, where the organization has none',
    {
      zone: PSD,
      from: 'mega.bank.example',
      dkim: ['pass mail.mega.bank.example'],
      expected: { result: 'pass', policy: 'reject' },
    },
  ],
  [
    'two organizations below one public suffix',
    {
      zone: PSD,
      from: 'mega.bank.example',
      spf: 'pass giant.bank.example',
      expected: { result: 'fail', policy: 'reject' },
    },
  ],
];

const rules: readonly (readonly [string, Case])[] = [
  [
    'no record',
    {
      zone: 'example.com A 192.0.2.1',
      from: 'example.com',
      dkim: ['pass example.com'],
      expected: { result: 'none', dkim: ['aligned'] },
    },
  ],
  [
    'no record, and a parent that signs',
    {
      zone: '',
      from: 'mail.example.com',
      dkim: ['pass example.com'],
      expected: { result: 'none', dkim: ['unaligned'] },
    },
  ],
  [
    'no identifier',
    { zone: EXAMPLE, from: 'example.com', expected: { result: 'fail', policy: 'reject' } },
  ],
  [
    'two records at a name are none',
    { zone: `${EXAMPLE}\n${EXAMPLE}`, from: 'example.com', expected: { result: 'none' } },
  ],
  [
    'two records at a name, and the walk goes on',
    {
      zone: `_dmarc.a.example.com TXT ${REJECT}\n_dmarc.a.example.com TXT ${REJECT}\n_dmarc.example.com TXT v=DMARC1; p=quarantine`,
      from: 'a.example.com',
      expected: { result: 'fail', policy: 'quarantine' },
    },
  ],
  [
    'another text beside the record',
    {
      zone: `${EXAMPLE}\n_dmarc.example.com TXT v=spf1 -all`,
      from: 'example.com',
      expected: { result: 'fail', policy: 'reject' },
    },
  ],
  [
    'a version in another case',
    {
      zone: '_dmarc.example.com TXT v=dmarc1; p=reject',
      from: 'example.com',
      expected: { result: 'none' },
    },
  ],
  [
    'a longer version',
    {
      zone: '_dmarc.example.com TXT v=DMARC10; p=reject',
      from: 'example.com',
      expected: { result: 'none' },
    },
  ],
  [
    'the version is not the first tag',
    {
      zone: '_dmarc.example.com TXT p=reject; v=DMARC1',
      from: 'example.com',
      expected: { result: 'none' },
    },
  ],
  [
    'blanks around the equals signs',
    {
      zone: '_dmarc.example.com TXT v = DMARC1 ; p = Reject ; ',
      from: 'example.com',
      expected: { result: 'fail', policy: 'reject' },
    },
  ],
  [
    'a tag twice makes the list invalid',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=reject; p=none',
      from: 'example.com',
      expected: { result: 'none' },
    },
  ],
  [
    'a tag name in another case is another tag',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; P=reject',
      from: 'example.com',
      expected: { result: 'none' },
    },
  ],
  [
    'no p, and nowhere to report to',
    { zone: '_dmarc.example.com TXT v=DMARC1', from: 'example.com', expected: { result: 'none' } },
  ],
  [
    'no p, with reports',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; rua=mailto:a@example.com',
      from: 'example.com',
      expected: { result: 'fail', policy: 'none' },
    },
  ],
  [
    'a wrong p, with reports',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=block; rua=mailto:a@example.com',
      from: 'example.com',
      expected: { result: 'fail', policy: 'none' },
    },
  ],
  [
    'a wrong sp, with an address that is no URI',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=reject; sp=block; rua=a@example.com',
      from: 'example.com',
      expected: { result: 'none' },
    },
  ],
  [
    'unknown tags and words are left out',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; x=y; hello; p=reject',
      from: 'example.com',
      expected: { result: 'fail', policy: 'reject' },
    },
  ],
  [
    'sp for a subdomain',
    {
      zone: `${EXAMPLE}; sp=none\na.example.com A 192.0.2.1`,
      from: 'a.example.com',
      expected: { result: 'fail', policy: 'none' },
    },
  ],
  [
    'sp does not apply to the domain itself',
    {
      zone: `${EXAMPLE}; sp=none`,
      from: 'example.com',
      expected: { result: 'fail', policy: 'reject' },
    },
  ],
  [
    'np for a subdomain that does not exist',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=none; sp=none; np=reject',
      from: 'a.example.com',
      expected: { result: 'fail', policy: 'reject' },
    },
  ],
  [
    'np does not apply to one that exists',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=none; np=reject\na.example.com A 192.0.2.1',
      from: 'a.example.com',
      expected: { result: 'fail', policy: 'none' },
    },
  ],
  [
    'np does not apply to one that exists without an address',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=none; np=reject\na.example.com MX 10 m.example.com',
      from: 'a.example.com',
      expected: { result: 'fail', policy: 'none' },
    },
  ],
  [
    'np does not apply to an alias',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=none; np=reject\na.example.com CNAME gone.example',
      from: 'a.example.com',
      expected: { result: 'fail', policy: 'none' },
    },
  ],
  [
    'without np, sp applies to what does not exist',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=none; sp=quarantine',
      from: 'a.example.com',
      expected: { result: 'fail', policy: 'quarantine' },
    },
  ],
  [
    't=y and reject',
    {
      zone: `${EXAMPLE}; t=y`,
      from: 'example.com',
      expected: { result: 'fail', policy: 'quarantine' },
    },
  ],
  [
    'the record of a domain between author and organization is no policy',
    {
      zone: `_dmarc.b.example.com TXT ${REJECT}\n_dmarc.example.com TXT v=DMARC1; p=none`,
      from: 'a.b.example.com',
      expected: { result: 'fail', policy: 'none' },
    },
  ],
  [
    'psd=n makes an organization of its own',
    {
      zone: `${EXAMPLE}\n_dmarc.mail.example.com TXT v=DMARC1; p=none; psd=n`,
      from: 'a.mail.example.com',
      dkim: ['pass example.com', 'pass b.mail.example.com'],
      expected: { result: 'pass', dkim: ['unaligned', 'aligned'], policy: 'none' },
    },
  ],
  [
    'a signature from below an organization of its own',
    {
      zone: `${EXAMPLE}\n_dmarc.mail.example.com TXT v=DMARC1; p=none; psd=n`,
      from: 'example.com',
      dkim: ['pass a.mail.example.com'],
      expected: { result: 'fail', dkim: ['unaligned'] },
    },
  ],
  [
    'a name that ends like the organization',
    {
      zone: EXAMPLE,
      from: 'example.com',
      dkim: ['pass evilexample.com'],
      expected: { result: 'fail' },
    },
  ],
  [
    'the top-level domain signs',
    {
      zone: EXAMPLE,
      from: 'example.com',
      dkim: ['pass com'],
      expected: { result: 'fail', dkim: ['unaligned'] },
    },
  ],
  [
    'a top-level domain has a record without psd=y, and another domain below it signs',
    {
      zone: `_dmarc.example TXT ${REJECT}`,
      from: 'victim.example',
      dkim: ['pass attacker.example'],
      expected: { result: 'fail', dkim: ['unaligned'], policy: 'reject' },
    },
  ],
  [
    'a top-level domain says that it is an organization',
    {
      zone: `_dmarc.brand TXT ${REJECT}; psd=n`,
      from: 'a.brand',
      dkim: ['pass b.brand'],
      expected: { result: 'pass', dkim: ['aligned'] },
    },
  ],
  [
    'softfail proves nothing',
    {
      zone: EXAMPLE,
      from: 'example.com',
      spf: 'softfail example.com',
      expected: { result: 'fail', spf: 'aligned' },
    },
  ],
  [
    'l= proves nothing',
    {
      zone: EXAMPLE,
      from: 'example.com',
      dkim: ['pass example.com partial'],
      expected: { result: 'fail', dkim: ['aligned'] },
    },
  ],
  [
    'one good signature behind bad ones',
    {
      zone: EXAMPLE,
      from: 'example.com',
      dkim: [
        'fail example.com',
        'permerror example.com',
        'pass example.com partial',
        'pass example.com',
      ],
      expected: { result: 'pass' },
    },
  ],
];

const failures: readonly (readonly [string, Case])[] = [
  [
    'SPF of an aligned domain is temperror',
    {
      zone: EXAMPLE,
      from: 'example.com',
      spf: 'temperror a.example.com',
      expected: { result: 'temperror' },
    },
  ],
  [
    'SPF of another domain is temperror',
    {
      zone: EXAMPLE,
      from: 'example.com',
      spf: 'temperror example.net',
      expected: { result: 'fail' },
    },
  ],
  [
    'the walk from another domain fails, and does not matter',
    {
      zone: `${EXAMPLE}\n_dmarc.example.net TXT FAIL`,
      from: 'example.com',
      spf: 'pass example.net',
      expected: { result: 'fail', spf: 'unaligned' },
    },
  ],
  [
    'DKIM of an aligned domain is temperror',
    {
      zone: EXAMPLE,
      from: 'example.com',
      dkim: ['temperror example.com'],
      expected: { result: 'temperror' },
    },
  ],
  [
    'DKIM of another domain is temperror',
    {
      zone: EXAMPLE,
      from: 'example.com',
      dkim: ['temperror example.net'],
      expected: { result: 'fail' },
    },
  ],
  [
    'an aligned temperror beside an aligned pass',
    {
      zone: EXAMPLE,
      from: 'example.com',
      spf: 'pass example.com',
      dkim: ['temperror example.com'],
      expected: { result: 'pass' },
    },
  ],
  [
    'l= with temperror',
    {
      zone: EXAMPLE,
      from: 'example.com',
      dkim: ['temperror example.com partial'],
      expected: { result: 'fail' },
    },
  ],
  [
    'the record fails',
    {
      zone: '_dmarc.example.com TXT FAIL',
      from: 'example.com',
      spf: 'pass example.com',
      expected: { result: 'temperror', spf: 'aligned' },
    },
  ],
  [
    'a parent of a domain without a record fails',
    {
      zone: '_dmarc.example.com TXT FAIL',
      from: 'a.example.com',
      expected: { result: 'temperror' },
    },
  ],
  [
    'a parent of a domain with a record fails, SPF is identical',
    {
      zone: `_dmarc.a.example.com TXT ${REJECT}\n_dmarc.com TXT FAIL`,
      from: 'a.example.com',
      spf: 'pass a.example.com',
      expected: { result: 'pass' },
    },
  ],
  [
    'a parent of a domain with a record fails, SPF is of a sister',
    {
      zone: `_dmarc.a.example.com TXT ${REJECT}\n_dmarc.com TXT FAIL`,
      from: 'a.example.com',
      spf: 'pass b.example.com',
      expected: { result: 'temperror', spf: 'unknown' },
    },
  ],
  [
    'a parent of a domain with a record fails, SPF is of nothing near',
    {
      zone: `_dmarc.a.example.com TXT ${REJECT}\n_dmarc.com TXT FAIL`,
      from: 'a.example.com',
      spf: 'pass example.net',
      expected: { result: 'fail', spf: 'unaligned' },
    },
  ],
  [
    'a parent fails, and alignment is strict',
    {
      zone: `_dmarc.a.example.com TXT ${REJECT}; aspf=s\n_dmarc.com TXT FAIL`,
      from: 'a.example.com',
      spf: 'pass b.example.com',
      expected: { result: 'fail' },
    },
  ],
  [
    'a failure above psd=n does not count',
    {
      zone: `_dmarc.example.com TXT ${REJECT}; psd=n\n_dmarc.com TXT FAIL`,
      from: 'example.com',
      spf: 'pass a.example.com',
      expected: { result: 'pass' },
    },
  ],
  [
    'the walk from the signing domain fails',
    {
      zone: `${EXAMPLE}\n_dmarc.a.example.com TXT FAIL`,
      from: 'example.com',
      dkim: ['pass a.example.com'],
      expected: { result: 'temperror', dkim: ['unknown'] },
    },
  ],
  [
    'the walk from a signing domain fails whose signature fails',
    {
      zone: `${EXAMPLE}\n_dmarc.a.example.com TXT FAIL`,
      from: 'example.com',
      dkim: ['fail a.example.com'],
      expected: { result: 'fail' },
    },
  ],
  [
    'whether the domain exists is not known, and decides',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=none; np=reject\na.example.com A FAIL',
      from: 'a.example.com',
      expected: { result: 'temperror' },
    },
  ],
  [
    'whether the domain exists is not known, and SPF passes',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=none; np=reject\na.example.com A FAIL',
      from: 'a.example.com',
      spf: 'pass example.com',
      expected: { result: 'pass' },
    },
  ],
  [
    'whether the domain exists is not known, and does not matter',
    {
      zone: '_dmarc.example.com TXT v=DMARC1; p=reject; np=reject\na.example.com A FAIL',
      from: 'a.example.com',
      expected: { result: 'fail', policy: 'reject' },
    },
  ],
];

test.each([...examples, ...rules, ...failures])('DMARC: %s', async (_, { expected, ...given }) => {
  expect(await evaluate(given)).toMatchObject(expected);
});

const organizations: readonly (readonly [string, string, string])[] = [
  // RFC 9989 section 4.10.2
  [
    'a.mail.example.com',
    `_dmarc.mail.example.com TXT ${REJECT}\n_dmarc.example.com TXT ${REJECT}`,
    'example.com',
  ],
  ['a.mail.example.com', `_dmarc.mail.example.com TXT ${REJECT}; psd=n`, 'mail.example.com'],
  ['a.mail.example.com', `_dmarc.com TXT ${REJECT}; psd=y`, 'example.com'],
  ['mail.example.com', `_dmarc.example.com TXT ${REJECT}; psd=y`, 'mail.example.com'],
  ['bank.example', PSD, 'bank.example'],
  ['a.mail.example.com', '', 'a.mail.example.com'],
];

test.each(organizations)(
  'the organizational domain of %s with %j is %s',
  async (domain, zone, organization) => {
    const walk = await new TreeWalks(zoneLookups(zone)).walk(domain);
    expect(organizationalDomain(domain, walk)).toBe(organization);
  },
);

test('a walk from a long name makes the eight queries of RFC 9989 section 4.10', async () => {
  const lookups = zoneLookups('');
  await new TreeWalks(lookups).walk('a.b.c.d.e.f.g.h.i.j.mail.example.com');
  expect(lookups.asked).toEqual([
    '_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com TXT',
    '_dmarc.g.h.i.j.mail.example.com TXT',
    '_dmarc.h.i.j.mail.example.com TXT',
    '_dmarc.i.j.mail.example.com TXT',
    '_dmarc.j.mail.example.com TXT',
    '_dmarc.mail.example.com TXT',
    '_dmarc.example.com TXT',
    '_dmarc.com TXT',
  ]);
});

test('a name of eight labels is shortened to seven, and each name is asked once for one mail', async () => {
  const lookups = zoneLookups('');
  const walks = new TreeWalks(lookups);
  await walks.walk('a.b.c.d.e.f.example.com');
  await walks.walk('x.c.d.e.f.example.com');
  await walks.walk('a.b.c.d.e.f.example.com');
  expect(lookups.asked.map((each) => each.split(' ')[0])).toEqual([
    '_dmarc.a.b.c.d.e.f.example.com',
    '_dmarc.b.c.d.e.f.example.com',
    '_dmarc.c.d.e.f.example.com',
    '_dmarc.d.e.f.example.com',
    '_dmarc.e.f.example.com',
    '_dmarc.f.example.com',
    '_dmarc.example.com',
    '_dmarc.com',
    '_dmarc.x.c.d.e.f.example.com',
  ]);
});

test('signatures of many domains make at most ten walks, and the others are not known to be aligned', async () => {
  const lookups = zoneLookups(EXAMPLE);
  const dkim = Array.from({ length: 15 }, (_, index) => identifier(`fail s${index}.example.com`));
  const { result, dkim: alignments } = await evaluateDmarc({
    author: authorAt('example.com'),
    spf: NO_SPF,
    dkim,
    walks: new TreeWalks(lookups),
  });
  expect(result).toBe('fail');
  expect(alignments.filter((each) => each === 'aligned')).toHaveLength(10);
  expect(alignments.filter((each) => each === 'unknown')).toHaveLength(5);
  expect(lookups.count).toBe(2 + 10);
});

function unclear(...domains: readonly string[]): Author {
  return { kind: 'unclear', reason: 'more than one mailbox in From', domains };
}

const unclearAuthors: readonly (readonly [
  string,
  Author,
  string,
  Readonly<Record<string, unknown>>,
])[] = [
  [
    'the strictest policy counts',
    unclear('a.example', 'b.example', 'c.example'),
    '_dmarc.a.example TXT v=DMARC1; p=none\n_dmarc.b.example TXT v=DMARC1; p=reject\n_dmarc.c.example TXT v=DMARC1; p=quarantine',
    { result: 'permerror', policy: 'reject', policyOf: 'b.example' },
  ],
  [
    'of equal ones, the first',
    unclear('a.example', 'b.example'),
    '_dmarc.a.example TXT v=DMARC1; p=reject\n_dmarc.b.example TXT v=DMARC1; p=reject',
    { result: 'permerror', policyOf: 'a.example' },
  ],
  [
    'the policy of an organization',
    unclear('a.b.example'),
    '_dmarc.b.example TXT v=DMARC1; p=none; np=reject',
    { result: 'permerror', policy: 'reject', policyOf: 'a.b.example' },
  ],
  [
    'DNS fails for one of them',
    unclear('a.example', 'b.example'),
    '_dmarc.a.example TXT FAIL\n_dmarc.b.example TXT v=DMARC1; p=quarantine',
    { result: 'permerror', policy: 'quarantine' },
  ],
  ['none has a record', unclear('a.example', 'b.example'), '', { result: 'permerror' }],
  ['no domain is named', unclear(), '', { result: 'permerror' }],
  ['no From field', { kind: 'none' }, '', { result: 'none' }],
];

test.each(unclearAuthors)('DMARC of an unclear author: %s', async (_, author, zone, expected) => {
  const result = await evaluateDmarc({
    author,
    // What it proves does not matter.
    spf: identifier('pass a.example'),
    dkim: [identifier('pass b.example')],
    walks: new TreeWalks(zoneLookups(zone)),
  });
  expect(result).toMatchObject({ ...expected, spf: 'unaligned', dkim: ['unaligned'] });
  expect(Object.hasOwn(result, 'policy')).toBe(
    Object.hasOwn(expected, 'policy') || Object.hasOwn(expected, 'policyOf'),
  );
});
