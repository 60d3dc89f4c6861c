// Lists of Knot DNS: what is asked, and what becomes of the answer.
import { describe, expect, onTestFinished, test } from 'vitest';
import { createResolver } from '../../../src/verify/dns/create-resolver.ts';
import { createLists } from '../../../src/verify/lists/create-lists.ts';
import type { DnsListOptions, ListEvent } from '../../../src/verify/lists/dns-list-options.ts';
import { startKnot, untilTestEnds } from '../../support/name-servers.ts';
import { need } from '../../support/programs.ts';

const KEY = 'k3y0fth3custom3r';
const IPV6_TEST = '.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0';
/** 2001:db8::66. */
const IPV6_ENTRY = '6.6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2';

const ZONES = {
  'bl.example.test': `
2.0.0.127 A 127.0.0.2
2${IPV6_TEST} A 127.0.0.2
66.113.0.203 A 127.0.0.2
66.113.0.203 A 127.0.0.4
66.113.0.203 TXT "Listed, see https://bl.example.test/203.0.113.66"
67.113.0.203 A 127.0.0.2
${IPV6_ENTRY} A 127.0.0.3
${IPV6_ENTRY} TXT "IPv6"
68.113.0.203 A 127.0.0.2
68.113.0.203 TXT ${JSON.stringify(`${'long '.repeat(50)}`)}
69.113.0.203 A 127.0.0.2
69.113.0.203 TXT "caf\\195\\169\\013\\010250 \\000ok"
`,
  'v4.example.test': '2.0.0.127 A 127.0.0.2\n66.113.0.203 A 127.0.0.2',
  'dbl.example.test': `
test A 127.0.1.2
evil.example A 127.0.1.2
evil.example TXT "https://dbl.example.test/evil.example"
xn--caf-dma.example A 127.0.1.4
`,
  [`${KEY}.zen.example.test`]: `
2.0.0.127 A 127.0.0.2
66.113.0.203 A 127.0.0.2
66.113.0.203 TXT "https://zen.example.test/${KEY}/203.0.113.66"
67.113.0.203 A 127.0.0.2
67.113.0.203 TXT "without it"
`,
};

async function listsOf(lists: readonly DnsListOptions[]) {
  const knot = untilTestEnds(await startKnot(ZONES));
  const events: ListEvent[] = [];
  const resolver = createResolver({ servers: [knot.address] });
  const asked = createLists({ resolver, lists, observe: (event) => events.push(event) });
  onTestFinished(() => {
    asked.close();
    resolver.close();
  });
  const ask = (clientAddress: string, helo = '', senderDomain = '') =>
    asked.begin({ clientAddress, helo, senderDomain }, performance.now() + 5000).findings();
  return { ask, asked, events };
}

const BL: DnsListOptions = { zone: 'bl.example.test', action: 'reject' };
const DBL: DnsListOptions = { zone: 'dbl.example.test', action: 'reject' };

test('an address that is listed is found with the text of the zone, and refused', async ({
  skip,
}) => {
  need(skip, 'knotd');
  const { ask } = await listsOf([BL]);
  expect(await ask('203.0.113.66')).toEqual({
    findings: [
      {
        zone: 'bl.example.test',
        subject: '203.0.113.66',
        result: 'listed',
        text: 'Listed, see https://bl.example.test/203.0.113.66',
      },
    ],
    refusal: {
      rule: 'list',
      subject: '203.0.113.66',
      detail: expect.stringMatching(
        /^bl\.example\.test: (127\.0\.0\.[24](, )?){2} Listed, see https:\/\/bl\.example\.test\/203\.0\.113\.66$/,
      ),
      reply: {
        code: 550,
        status: '7.1',
        text: [
          '203.0.113.66 is listed by bl.example.test',
          'Listed, see https://bl.example.test/203.0.113.66',
        ],
      },
    },
  });
  // Without a text the reply says whom to ask.
  expect((await ask('203.0.113.67')).refusal?.reply.text).toEqual([
    '203.0.113.67 is listed by bl.example.test',
    'Ask the operator of bl.example.test to remove the entry',
  ]);
  expect((await ask('203.0.113.1')).refusal).toBeUndefined();
});

test('texts are printable ASCII of at most 200 characters', async ({ skip }) => {
  need(skip, 'knotd');
  const { ask } = await listsOf([BL]);
  const textOf = async (address: string) => (await ask(address)).findings[0]?.text;
  expect(await textOf('203.0.113.68')).toBe('long '.repeat(40).trim());
  expect(await textOf('203.0.113.69')).toBe('caf?? 250 ?ok');
});

const subjects: readonly (readonly [string, DnsListOptions, string, string, string, object[]])[] = [
  ['an address that is not listed', BL, '203.0.113.1', '', '', [{ result: 'not-listed' }]],
  ['an IPv6 address', BL, '2001:db8::66', '', '', [{ subject: '2001:db8::66', text: 'IPv6' }]],
  ['an IPv4-mapped address', BL, '::ffff:203.0.113.66', '', '', [{ result: 'listed' }]],
  [
    'an IPv6 address, by a list without any',
    { zone: 'v4.example.test', action: 'reject' },
    '2001:db8::66',
    '',
    '',
    [],
  ],
  ['a private address', BL, '10.0.0.1', '', '', []],
  ['a loopback address', BL, '127.0.0.2', '', '', []],
  ['a unique local address', BL, 'fd00::1', '', '', []],
  [
    'the domain of the sender',
    DBL,
    '203.0.113.66',
    'good.example',
    'Evil.Example',
    [
      { subject: 'evil.example', result: 'listed', text: 'https://dbl.example.test/evil.example' },
      { subject: 'good.example', result: 'not-listed' },
    ],
  ],
  [
    'the name of HELO',
    DBL,
    '203.0.113.66',
    'evil.example.',
    'good.example',
    [
      { subject: 'good.example', result: 'not-listed' },
      { subject: 'evil.example', result: 'listed' },
    ],
  ],
  [
    'one domain that is both',
    DBL,
    '203.0.113.66',
    'EVIL.example',
    'evil.example',
    [{ subject: 'evil.example', result: 'listed' }],
  ],
  [
    'a domain in other letters than ASCII',
    DBL,
    '203.0.113.66',
    '',
    'CAFÉ.example',
    [{ subject: 'xn--caf-dma.example', result: 'listed' }],
  ],
  ['no domain at all', DBL, '203.0.113.66', '[203.0.113.66]', '', []],
];

describe('a list is asked about', () => {
  for (const [what, list, address, helo, domain, expected] of subjects) {
    test(what, async ({ skip }) => {
      need(skip, 'knotd');
      const { ask } = await listsOf([list]);
      const { findings } = await ask(address, helo, domain);
      expect(findings).toHaveLength(expected.length);
      expect(findings).toMatchObject(expected);
    });
  }
});

test('the first list that rejects is the one that refuses; one that marks does not', async ({
  skip,
}) => {
  need(skip, 'knotd');
  const { ask } = await listsOf([
    { ...BL, action: 'mark' },
    DBL,
    { zone: 'v4.example.test', action: 'reject' },
  ]);
  const { findings, refusal } = await ask('203.0.113.66', 'evil.example');
  expect(findings.map(({ zone, result }) => [zone, result])).toEqual([
    ['bl.example.test', 'listed'],
    ['dbl.example.test', 'listed'],
    ['v4.example.test', 'listed'],
  ]);
  expect(refusal).toMatchObject({
    subject: 'evil.example',
    detail: expect.stringContaining('dbl'),
  });
  const marked = await listsOf([{ ...BL, action: 'mark' }]);
  expect(await marked.ask('203.0.113.66')).toEqual({
    findings: [expect.objectContaining({ result: 'listed' })],
  });
});

test('the tests say what a zone is a list of', async ({ skip }) => {
  need(skip, 'knotd');
  const { asked, events } = await listsOf([
    BL,
    DBL,
    { zone: 'v4.example.test', action: 'mark' },
    { zone: 'zen.example.test', key: KEY, action: 'mark' },
    { zone: 'dbl.example.test', action: 'mark', kind: 'address' },
    { zone: 'bl.example.test', action: 'mark', kind: 'domain' },
  ]);
  const results = await asked.tests();
  const passed = { kind: 'list-test', result: 'passed' };
  expect(results).toEqual([
    { ...passed, zone: 'bl.example.test', entries: 'address', hasIpv6: true },
    { ...passed, zone: 'dbl.example.test', entries: 'domain', hasIpv6: false },
    { ...passed, zone: 'v4.example.test', entries: 'address', hasIpv6: false },
    { ...passed, zone: 'zen.example.test', entries: 'address', hasIpv6: false },
    { kind: 'list-test', zone: 'dbl.example.test', result: 'failed', fault: 'not-listed' },
    { kind: 'list-test', zone: 'bl.example.test', result: 'failed', fault: 'not-listed' },
  ]);
  expect(events).toEqual(expect.arrayContaining([...results]));
});

test('the key of a list is asked, and never shown', async ({ skip }) => {
  need(skip, 'knotd');
  const list: DnsListOptions = { zone: 'zen.example.test', key: KEY, action: 'reject' };
  const { ask, asked, events } = await listsOf([list, { ...list, key: `${KEY}-of-another` }]);
  const shown = [await ask('203.0.113.66'), await ask('203.0.113.67'), await asked.tests(), events];
  expect(shown[0]).toMatchObject({ findings: [{ result: 'listed' }, { result: 'unknown' }] });
  expect(shown[1]).toMatchObject({ findings: [{ text: 'without it' }, {}] });
  expect(JSON.stringify(shown)).not.toContain(KEY);
});

describe('a list that cannot be asked is an error, without its key', () => {
  const rows: readonly (readonly [DnsListOptions, string])[] = [
    [{ zone: '', action: 'mark' }, 'list: expected the name of a DNS zone, got '],
    [{ zone: '192.0.2.1', action: 'mark' }, 'list: expected the name of a DNS zone, got 192.0.2.1'],
    [
      { zone: 'a b.example', action: 'mark' },
      'list: expected the name of a DNS zone, got a b.example',
    ],
    [
      { zone: 'bl.example', key: 's3cret!', action: 'mark' },
      'list bl.example: expected a key of letters, digits and hyphens',
    ],
  ];
  for (const [list, message] of rows) {
    test(message, () => {
      const resolver = createResolver({ servers: [] });
      expect(() => createLists({ resolver, lists: [list] })).toThrow(new RangeError(message));
    });
  }
});
