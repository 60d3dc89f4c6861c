// Lists that are broken, gone, or refuse the question: nothing is known, and nobody is refused.
import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createResolver } from '../../../src/verify/dns/create-resolver.ts';
import { createLists } from '../../../src/verify/lists/create-lists.ts';
import type { ListEvent, ListsOptions } from '../../../src/verify/lists/dns-list-options.ts';
import { addressQuery, domainQuery } from '../../../src/verify/lists/query-name.ts';
import {
  addressFor,
  type Asked,
  HostileDnsServer,
  responseTo,
} from '../../support/hostile-dns-server.ts';

const ZONE = 'bl.test';

/** What a list answers: an address, NXDOMAIN, SERVFAIL or REFUSED; `silent` is no answer. */
type Said = string;

function say(asked: Asked, said: Said): void {
  if (said === 'silent') return;
  if (said === 'NXDOMAIN' || said === 'SERVFAIL' || said === 'REFUSED') {
    asked.send(responseTo(asked, { code: said }));
  } else {
    asked.send(asked.type === 'A' ? addressFor(asked, said, 0) : responseTo(asked));
  }
}

/** A list that rejects, and what it answers by the name before the zone; others get `rest`. */
async function scene(
  answers: Readonly<Record<string, Said>>,
  rest: Said = 'NXDOMAIN',
  options: Partial<ListsOptions> = {},
) {
  const behavior = (asked: Asked): void => {
    say(asked, answers[asked.name.replace(`.${ZONE}`, '')] ?? rest);
  };
  const server = await HostileDnsServer.start(behavior);
  const events: ListEvent[] = [];
  const resolver = createResolver({ servers: [server.address], timeoutMillis: 1000 });
  const lists = createLists({
    resolver,
    lists: [{ zone: ZONE, action: 'reject' }],
    observe: (event) => events.push(event),
    ...options,
  });
  onTestFinished(() => {
    lists.close();
    resolver.close();
  });
  const ask = (subjects: object = {}, within = 5000) =>
    lists
      .begin({ clientAddress: '203.0.113.66', ...subjects }, performance.now() + within)
      .findings();
  return { server, events, lists, ask };
}

const PASSES = { '2.0.0.127': '127.0.0.2' };
const PASSES_AS_DOMAINS = { test: '127.0.1.2' };

const answers: readonly (readonly [Said, string])[] = [
  ['127.255.255.252', 'error-code'],
  ['127.255.255.254', 'error-code'],
  ['127.255.255.255', 'error-code'],
  ['127.0.0.1', 'strange-answer'],
  ['203.0.113.1', 'strange-answer'],
  ['128.0.0.2', 'strange-answer'],
  ['0.0.0.0', 'strange-answer'],
  ['SERVFAIL', 'servfail'],
  ['REFUSED', 'refused'],
  ['silent', 'timeout'],
];

describe('an answer that is no entry is unknown, and never a refusal', () => {
  for (const [said, reason] of answers) {
    test(said, async () => {
      const { ask, events } = await scene({ ...PASSES, '66.113.0.203': said });
      expect(await ask()).toEqual({
        findings: [{ zone: ZONE, subject: '203.0.113.66', result: 'unknown' }],
      });
      expect(events.filter(({ kind }) => kind === 'list-unknown')).toEqual([
        { kind: 'list-unknown', zone: ZONE, reason },
      ]);
    });
  }

  test('also where another address beside it is an entry', async () => {
    const { server, ask } = await scene(PASSES);
    server.behavior = (asked) => {
      if (asked.name !== `66.113.0.203.${ZONE}`) say(asked, PASSES['2.0.0.127']);
      else {
        const data = ['127.0.0.2', '127.255.255.254'];
        const answer = { type: 'A', name: asked.name, ttl: 60 } as const;
        asked.send(responseTo(asked, { answers: data.map((each) => ({ ...answer, data: each })) }));
      }
    };
    expect((await ask()).findings).toMatchObject([{ result: 'unknown' }]);
  });
});

const tests: readonly (readonly [string, Readonly<Record<string, Said>>, Said, string])[] = [
  ['lists nothing', {}, 'NXDOMAIN', 'not-listed'],
  ['lists everything', {}, '127.0.0.2', 'everything-listed'],
  ['lists 127.0.0.1', { ...PASSES, '1.0.0.127': '127.0.0.2' }, 'NXDOMAIN', 'everything-listed'],
  [
    'lists every domain',
    { test: '127.0.1.2', invalid: '127.0.1.2' },
    'NXDOMAIN',
    'everything-listed',
  ],
  [
    'lists every IPv6 address',
    {
      ...PASSES,
      '1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0': '127.0.0.2',
    },
    'NXDOMAIN',
    'everything-listed',
  ],
  [
    'is silent on its IPv6 entry',
    {
      ...PASSES,
      '2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0': 'silent',
    },
    'NXDOMAIN',
    'timeout',
  ],
  ['was sold, and answers an address of the buyer', {}, '203.0.113.80', 'strange-answer'],
  ['does not serve this resolver', {}, '127.255.255.254', 'error-code'],
  ['blocks this resolver', {}, '127.0.0.1', 'strange-answer'],
  ['is silent', {}, 'silent', 'timeout'],
  ['fails', {}, 'SERVFAIL', 'servfail'],
  ['refuses', {}, 'REFUSED', 'refused'],
  ['is silent on 127.0.0.1', { ...PASSES, '1.0.0.127': 'silent' }, 'NXDOMAIN', 'timeout'],
];

describe('a list fails its test and is not asked about anybody, if it', () => {
  for (const [what, names, rest, fault] of tests) {
    test(what, async () => {
      const { server, ask, events } = await scene(
        { ...names, '66.113.0.203': '127.0.0.2', 'evil.example': '127.0.1.2' },
        rest,
      );
      expect(await ask({ helo: 'evil.example' })).toEqual({
        findings: [{ zone: ZONE, subject: '203.0.113.66', result: 'unknown' }],
      });
      expect(events).toEqual([
        { kind: 'list-test', zone: ZONE, result: 'failed', fault },
        { kind: 'list-unknown', zone: ZONE, reason: 'untested' },
      ]);
      const asked = server.asked.map(({ name }) => name);
      expect(asked).not.toContain(`66.113.0.203.${ZONE}`);
      expect(asked).not.toContain(`evil.example.${ZONE}`);
    });
  }
});

test('a zone that may be a list of domains is never asked about an address', async () => {
  // As Spamhaus' DBL: a question about an address is answered with an error in the range of entries.
  const { server, ask } = await scene(PASSES_AS_DOMAINS, '127.0.1.255');
  server.behavior = (asked) => {
    const name = asked.name.replace(`.${ZONE}`, '');
    say(asked, name === 'test' ? '127.0.1.2' : /^[\d.]+$/.test(name) ? '127.0.1.255' : 'NXDOMAIN');
  };
  const literals = [
    '[203.0.113.66]',
    '203.0.113.66',
    '[IPv6:2001:db8::1]',
    '2001:db8::1',
    '3405803842',
    '0xcb007142',
    '0xcb.0x71',
  ];
  for (const helo of literals) {
    expect(await ask({ helo, senderDomain: helo })).toEqual({ findings: [] });
  }
  expect(await ask({ helo: 'good.example', senderDomain: '[203.0.113.66]' })).toMatchObject({
    findings: [{ subject: 'good.example', result: 'not-listed' }],
  });
  expect(server.asked.map(({ name }) => name).toSorted()).toEqual(
    ['good.example', 'invalid', 'test'].map((name) => `${name}.${ZONE}`),
  );
});

test('a list that passes its test later is asked then, and one that fails later no more', async () => {
  const { server, ask, events } = await scene(
    { ...PASSES, '66.113.0.203': '127.0.0.2' },
    'NXDOMAIN',
    {
      retestMillis: 100,
      retryMillis: 100,
    },
  );
  const { behavior } = server;
  expect((await ask()).refusal).toBeDefined();
  server.behavior = (asked) => say(asked, '127.0.0.2');
  const faults = () =>
    events.filter((each) => each.kind === 'list-test' && each.result === 'failed');
  while (faults().length === 0) await sleep(20);
  expect(await ask()).toMatchObject({ findings: [{ result: 'unknown' }] });
  expect((await ask()).refusal).toBeUndefined();
  server.behavior = behavior;
  const before = events.length;
  while (
    !events.slice(before).some((each) => each.kind === 'list-test' && each.result === 'passed')
  ) {
    await sleep(20);
  }
  expect((await ask()).refusal).toBeDefined();
});

test('a mail waits for the first test, and for answers, until its deadline', async () => {
  const { ask } = await scene({}, 'silent');
  expect(await ask({}, 200)).toEqual({
    findings: [{ zone: ZONE, subject: '203.0.113.66', result: 'unknown' }],
  });
});

test('an entry whose text does not come is one', async () => {
  const { server, ask } = await scene(PASSES);
  const { behavior } = server;
  server.behavior = (asked) => {
    if (!asked.name.startsWith('66.')) behavior(asked);
    else if (asked.type === 'A') say(asked, '127.0.0.2');
  };
  const { findings, refusal } = await ask();
  expect(findings).toEqual([{ zone: ZONE, subject: '203.0.113.66', result: 'listed' }]);
  expect(refusal?.reply.text).toEqual([
    `203.0.113.66 is listed by ${ZONE}`,
    `Ask the operator of ${ZONE} to remove the entry`,
  ]);
});

test('after close nothing is tested any more', async () => {
  const { server, lists } = await scene(PASSES, 'NXDOMAIN', { retestMillis: 20 });
  await lists.tests();
  lists.close();
  await sleep(50);
  const before = server.asked.length;
  await sleep(200);
  expect(server.asked).toHaveLength(before);
});

describe('names that are asked', () => {
  test('whatever a client says, a domain is a host name and no address', () => {
    const said = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.domain(),
      fc.ipV4(),
      fc.ipV6(),
      fc.stringMatching(/^[0-9a-fx.]{1,40}$/),
    );
    fc.assert(
      fc.property(said, (text) => {
        const name = domainQuery(text);
        if (name === undefined) return;
        expect(name).toMatch(/^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/);
        // The reader of URLs knows every spelling of an address.
        expect(URL.parse(`http://${name}/`)?.hostname).not.toMatch(/^[\d.]+$/);
      }),
      { numRuns: 5000 },
    );
  });

  test('addresses are asked octet by octet, the last one first', () => {
    fc.assert(
      fc.property(
        fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 255 }))),
        (octets) => {
          const query = addressQuery(octets.join('.'));
          if (query !== undefined)
            expect(query).toEqual({ version: 4, name: octets.toReversed().join('.') });
        },
      ),
    );
    expect(addressQuery('2001:db8:1:2:3:4:567:89ab')).toEqual({
      version: 6,
      name: 'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2',
    });
  });

  const privateAddresses = [
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.2',
    '169.254.1.1',
    '172.16.0.1',
    '192.168.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fd00::1',
    'ff02::1',
    '::ffff:10.0.0.1',
    'mail.example',
    '',
  ];
  for (const address of privateAddresses) {
    test(`${JSON.stringify(address)} is not asked about`, () => {
      expect(addressQuery(address)).toBeUndefined();
    });
  }
});
