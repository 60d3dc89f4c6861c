// SPF: the zone of RFC 7208 appendix A, and what a hostile record, a dead name server or an odd sender must not do.
import { describe, expect, test } from 'vitest';
import type { DnsAnswer, MailLookups } from '../../../src/verify/dns/resolver.ts';
import { checkSpf, type SpfRequest } from '../../../src/verify/sender/spf/check-spf.ts';
import { MOST_QUERIES } from '../../../src/verify/sender/spf/spf-lookups.ts';
import type { SpfResult } from '../../../src/verify/sender/spf/spf-result.ts';
import { type Zone, ZoneLookups } from '../../support/zone-lookups.ts';

const TIMEOUT: DnsAnswer = { kind: 'failed', reason: 'timeout' };

interface Client extends Partial<SpfRequest> {
  /** `local@domain`; empty: the null reverse-path. */
  readonly from?: string;
}

function check(zone: Zone | MailLookups, { from = 'ann@example.com', ...given }: Client = {}) {
  const at = from.lastIndexOf('@');
  return checkSpf({
    lookups: 'lookUp' in zone ? (zone as MailLookups) : new ZoneLookups(zone),
    address: '192.0.2.65',
    helo: 'mail.example.com',
    reversePath: from === '' ? null : { localPart: from.slice(0, at), domain: from.slice(at + 1) },
    hostname: 'mx.receiver.example',
    ...given,
  });
}

/** RFC 7208 appendix A: the zone, without the record that each example adds. */
const RFC_ZONE: Zone = {
  'example.com A': ['192.0.2.10', '192.0.2.11'],
  'example.com MX': ['10 mail-a.example.com', '20 mail-b.example.com'],
  'amy.example.com A': ['192.0.2.65'],
  'bob.example.com A': ['192.0.2.66'],
  'mail-a.example.com A': ['192.0.2.129'],
  'mail-b.example.com A': ['192.0.2.130'],
  'www.example.com CNAME': ['example.com'],
  'example.org MX': ['10 mail-c.example.org'],
  'mail-c.example.org A': ['192.0.2.140'],
  '10.2.0.192.in-addr.arpa PTR': ['example.com'],
  '65.2.0.192.in-addr.arpa PTR': ['amy.example.com'],
  '129.2.0.192.in-addr.arpa PTR': ['mail-a.example.com'],
  '140.2.0.192.in-addr.arpa PTR': ['mail-c.example.org'],
  '10.0.0.4.in-addr.arpa PTR': ['bob.example.com'],
};

describe('RFC 7208 appendix A', () => {
  // "Any", "none", and the addresses that the text names for each record.
  const rows: readonly (readonly [record: string, pass: string[], fail: string[]])[] = [
    ['v=spf1 +all', ['192.0.2.65', '203.0.113.1', '2001:db8::1'], []],
    ['v=spf1 a -all', ['192.0.2.10', '192.0.2.11'], ['192.0.2.65']],
    ['v=spf1 a:example.org -all', [], ['192.0.2.10', '192.0.2.140']],
    ['v=spf1 mx -all', ['192.0.2.129', '192.0.2.130'], ['192.0.2.10']],
    ['v=spf1 mx:example.org -all', ['192.0.2.140'], ['192.0.2.129']],
    [
      'v=spf1 mx mx:example.org -all',
      ['192.0.2.129', '192.0.2.130', '192.0.2.140'],
      ['192.0.2.10'],
    ],
    ['v=spf1 mx/30 mx:example.org/30 -all', ['192.0.2.131', '192.0.2.143'], ['192.0.2.10']],
    ['v=spf1 ptr -all', ['192.0.2.10', '192.0.2.65'], ['192.0.2.140', '4.0.0.10']],
    ['v=spf1 ip4:192.0.2.128/28 -all', ['192.0.2.129', '192.0.2.140'], ['192.0.2.65']],
  ];

  test.each(rows)('%s', async (record, pass, fail) => {
    const zone = {
      ...RFC_ZONE,
      'example.com TXT': [record],
      // The text has this name not among those of its zone's addresses.
      'example.com PTR': [],
    };
    for (const address of pass) {
      expect([address, (await check(zone, { address })).result]).toEqual([address, 'pass']);
    }
    for (const address of fail) {
      expect([address, (await check(zone, { address })).result]).toEqual([address, 'fail']);
    }
  });

  test('a list of blocked users in the zone (appendix A.4)', async () => {
    const zone = {
      'example.com TXT': ['v=spf1 include:example.net -exists:%{l}._spf.%{d} +all'],
      'example.net TXT': ['v=spf1 ip4:198.51.100.1 -all'],
      'mary._spf.example.com A': ['127.0.0.1'],
    };
    expect((await check(zone, { from: 'mary@example.com' })).result).toBe('fail');
    expect((await check(zone, { from: 'ann@example.com' })).result).toBe('pass');
  });
});

describe('the result says', () => {
  const zone: Zone = {
    'example.com TXT': [
      'some=other',
      'v=spf1 ip4:192.0.2.0/24 include:other.example -all exp=why.example.com',
    ],
    'why.example.com TXT': ['%{i} is not one of ours, %{l}'],
    'other.example TXT': ['v=spf1 ip4:203.0.113.7 ?all'],
    'mail.example.com TXT': ['v=spf1 a -all'],
    'mail.example.com A': ['192.0.2.65'],
    'open.example TXT': ['v=spf1 ip4:203.0.113.7'],
    'soft.example TXT': ['v=spf1 ~all'],
    'two.example TXT': ['v=spf1 -all', 'v=spf1 +all'],
    'dead.example TXT': TIMEOUT,
    'xn--bcher-kva.example TXT': ['v=spf1 +all'],
  };
  const rows: readonly (readonly [name: string, client: Client, expected: Partial<SpfResult>])[] = [
    [
      'what matched',
      {},
      {
        result: 'pass',
        mechanism: 'ip4:192.0.2.0/24',
        domain: 'example.com',
        sender: 'ann@example.com',
        identity: 'mailfrom',
      },
    ],
    [
      'which include matched',
      { address: '203.0.113.7' },
      { result: 'pass', mechanism: 'include:other.example' },
    ],
    [
      'why the domain refuses',
      { address: '203.0.113.8' },
      { result: 'fail', mechanism: '-all', explanation: '203.0.113.8 is not one of ours, ann' },
    ],
    ['that a mapped address is IPv4', { address: '::ffff:192.0.2.1' }, { result: 'pass' }],
    [
      'that HELO was checked for a null reverse-path',
      { from: '' },
      {
        result: 'pass',
        identity: 'helo',
        domain: 'mail.example.com',
        sender: 'postmaster@mail.example.com',
      },
    ],
    [
      'that nothing matched',
      { from: 'a@open.example' },
      { result: 'neutral', mechanism: 'default' },
    ],
    ['softfail', { from: 'a@soft.example' }, { result: 'softfail', mechanism: '~all' }],
    ['that there is no record', { from: 'a@none.example' }, { result: 'none' }],
    [
      'that two records are a permerror',
      { from: 'a@two.example' },
      { result: 'permerror', problem: 'multiple SPF records found for two.example' },
    ],
    [
      'that DNS did not answer',
      { from: 'a@dead.example' },
      { result: 'temperror', problem: 'DNS: timeout for dead.example' },
    ],
    [
      'that an address literal has no policy',
      { from: 'a@[192.0.2.1]' },
      { result: 'none', domain: '' },
    ],
    [
      'that HELO is no domain',
      { from: '', helo: '[192.0.2.1]' },
      { result: 'none', identity: 'helo', domain: '' },
    ],
    [
      'that there was no HELO',
      { from: '', helo: undefined },
      { result: 'none', sender: 'postmaster@' },
    ],
    [
      'that a client without an address has no policy',
      { address: '' },
      { result: 'none', domain: 'example.com' },
    ],
    [
      'that a domain of one label has no policy',
      { from: 'a@localhost' },
      { result: 'none', domain: '' },
    ],
    [
      'the domain in A-labels',
      { from: 'a@Bücher.example' },
      { result: 'pass', domain: 'xn--bcher-kva.example', sender: 'a@Bücher.example' },
    ],
  ];

  test.each(rows)('%s', async (_, client, expected) => {
    expect(await check(zone, client)).toMatchObject(expected);
  });
});

describe('a local part in a name that is asked for', () => {
  const zone: Zone = {
    'example.com TXT': ['v=spf1 exists:%{l}._u.example.com -all'],
    'bounce+ann=receiver.example._u.example.com A': ['127.0.0.2'],
    "a!#$&'*/=?^`{|}~b._u.example.com A": ['127.0.0.2'],
    'two words@home._u.example.com A': ['127.0.0.2'],
  };

  test.each([
    ['of a bounce address (VERP)', 'bounce+ann=receiver.example', 'pass'],
    ['of all that an atom may hold', "a!#$&'*/=?^`{|}~b", 'pass'],
    ['in quotes, with a space and an @', 'two words@home', 'pass'],
    ['that nobody has', 'bob', 'fail'],
    ['with a label that is too long', 'x'.repeat(64), 'fail'],
    ['with an empty label', 'a..b', 'fail'],
    // RFC 8616 section 4.
    ['in UTF-8', 'jörg', 'fail'],
    ['with a control character', 'a\x01b', 'fail'],
    ['longer than a name', 'abc.'.repeat(100), 'fail'],
  ])('%s', async (_, local, result) => {
    expect((await check(zone, { from: `${local}@example.com` })).result).toBe(result);
  });
});

/** Each name under `example.com` with a record that asks as much as it may. */
function hostile(terms: string, more: Zone = {}): Zone {
  return { 'example.com TXT': [`v=spf1 ${terms} -all`], ...more };
}

const mxZone: Zone = Object.fromEntries(
  Array.from({ length: 10 }, (_, n) => [
    `m${n}.example.com MX`,
    Array.from({ length: 10 }, (__, host) => `10 h${n}-${host}.example.com`),
  ]),
);
const mxTerms = Object.keys(mxZone)
  .map((key) => `mx:${key.split(' ')[0]}`)
  .join(' ');

describe('a hostile record', () => {
  const includes = (count: number): Zone =>
    Object.fromEntries(
      Array.from({ length: count + 1 }, (_, n) => [
        `${n === 0 ? '' : `i${n}.`}example.com TXT`,
        [n === count ? 'v=spf1 +all' : `v=spf1 include:i${n + 1}.example.com -all`],
      ]),
    );
  const rows: readonly (readonly [name: string, zone: Zone, result: string, queries: number])[] = [
    ['with ten includes', includes(10), 'pass', 11],
    ['with eleven includes', includes(11), 'permerror', 11],
    ['that includes itself', hostile('include:example.com'), 'permerror', 1],
    [
      'that redirects to itself',
      { 'example.com TXT': ['v=spf1 redirect=example.com'] },
      'permerror',
      1,
    ],
    [
      'with three names that are not there',
      hostile('a:x.example.com a:y.example.com a:z.example.com'),
      'permerror',
      4,
    ],
    ['with two names that are not there', hostile('a:x.example.com a:y.example.com'), 'fail', 3],
    ['with ten times ten hosts', hostile(mxTerms, mxZone), 'permerror', 1 + MOST_QUERIES],
    [
      'with eleven hosts of one name',
      hostile('mx', {
        'example.com MX': Array.from({ length: 11 }, (_, n) => `1 h${n}.example.com`),
      }),
      'permerror',
      12,
    ],
    ['of 60,000 octets', hostile('x=y '.repeat(15_000)), 'permerror', 1],
    // Its name has a label that DNS cannot have.
    ['of 8,000 octets of macros', hostile(`exists:${'%{s}'.repeat(1990)}.example.com`), 'fail', 1],
  ];

  test.each(rows)('%s', async (_, zone, result, queries) => {
    const lookups = new ZoneLookups(zone);
    const found = await check(lookups, { from: `${'x'.repeat(64)}@example.com` });
    expect(found.result).toBe(result);
    expect(lookups.count).toBeLessThanOrEqual(queries);
    expect(lookups.count).toBeGreaterThanOrEqual(Math.min(queries, MOST_QUERIES));
  });

  test('makes one query of each question', async () => {
    const lookups = new ZoneLookups(
      hostile('a:x.net.example mx:x.net.example a:X.net.example a:x.net.example', {
        'x.net.example A': ['192.0.2.1'],
      }),
    );
    expect((await check(lookups)).result).toBe('fail');
    expect(lookups.asked).toEqual(['example.com TXT', 'x.net.example A', 'x.net.example MX']);
  });
});

test('an explanation that does not arrive, or is too long, changes nothing, and is not waited for', async () => {
  const long: DnsAnswer = { kind: 'records', records: ['%{sr+}'.repeat(10_000)] };
  const answers = [TIMEOUT, long].map((answer) => Promise.resolve(answer));
  for (const answer of [...answers, new Promise<DnsAnswer>(() => {})]) {
    const known = new ZoneLookups({ 'example.com TXT': ['v=spf1 -all exp=why.example.com'] });
    const lookups: MailLookups = {
      count: 0,
      lookUp: (name, type) => (name.startsWith('why') ? answer : known.lookUp(name, type)),
    };
    const found = await check(lookups);
    expect(found.result).toBe('fail');
    expect(found.explanation).toBeUndefined();
  }
});

test('no octet of the record or the explanation reaches a result that is not printable ASCII', async () => {
  const zone = {
    'example.com TXT': ['v=spf1 -all exp=why.example.com'],
    'why.example.com TXT': [`no\r\nX: y ${'é'.repeat(300)}`],
    'bad.example TXT': ['v=spf1 \x01\xff -all'],
  };
  expect((await check(zone)).explanation).toBeUndefined();
  const { result, problem = '' } = await check(zone, { from: 'a@bad.example' });
  expect(result).toBe('permerror');
  expect(problem).toMatch(/^[\x20-\x7e]{1,200}$/);
});
