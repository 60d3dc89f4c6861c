// What mails share: answers, look-ups under way, and the bounds of both.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createResolver, type ResolverOptions } from '../../../src/verify/dns/create-resolver.ts';
import type { DnsEvent } from '../../../src/verify/dns/dns-event.ts';
import {
  addressFor,
  type Behavior,
  HostileDnsServer,
  responseTo,
  soa,
} from '../../support/hostile-dns-server.ts';

const FOUND = { kind: 'records', records: ['192.0.2.1'] };
const answering: Behavior = (asked) => asked.send(addressFor(asked));
const TIMEOUT = { kind: 'failed', reason: 'timeout' };
const BOUND = { kind: 'failed', reason: 'bound' };

async function scene(behavior: Behavior, options: ResolverOptions = {}) {
  const server = await HostileDnsServer.start(behavior);
  const events: DnsEvent[] = [];
  const resolver = createResolver({
    servers: [server.address],
    observe: (event) => events.push(event),
    ...options,
  });
  onTestFinished(() => resolver.close());
  const mail = (within = 10_000, bounds = {}) =>
    resolver.forMail(performance.now() + within, bounds);
  return { server, resolver, events, mail };
}

/** Answers when it is told to. */
function held(): { behavior: Behavior; answer: () => void } {
  const waiting: (() => void)[] = [];
  return {
    behavior: (asked) => waiting.push(() => asked.send(addressFor(asked))),
    answer: () => {
      for (const each of waiting.splice(0)) each();
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

describe('an answer is remembered', () => {
  const rows: readonly (readonly [string, Behavior, number])[] = [
    ['for its TTL', (asked) => asked.send(addressFor(asked, '192.0.2.1', 300)), 1],
    ['not at all with a TTL of 0', (asked) => asked.send(addressFor(asked, '192.0.2.1', 0)), 2],
    [
      'not at all with a TTL over 2^31 (RFC 2181 section 8)',
      (asked) => asked.send(addressFor(asked, '192.0.2.1', 0xffff_ffff)),
      2,
    ],
    [
      'no longer than each alias on the way to it',
      (asked) =>
        asked.send(
          responseTo(asked, {
            answers: [
              { type: 'CNAME', name: asked.name, ttl: 0, data: 'b.test' },
              { type: 'A', name: 'b.test', ttl: 300, data: '192.0.2.1' },
            ],
          }),
        ),
      2,
    ],
    [
      'where there is no such name, for the minimum of the zone',
      (asked) => asked.send(responseTo(asked, { code: 'NXDOMAIN', authorities: [soa(0, 300)] })),
      2,
    ],
    [
      'where there is no such record, for the TTL of the SOA record',
      (asked) => asked.send(responseTo(asked, { authorities: [soa(300, 0)] })),
      2,
    ],
    [
      'where there is no such record, for both',
      (asked) => asked.send(responseTo(asked, { authorities: [soa(300, 300)] })),
      1,
    ],
    [
      'that it failed, for a short time',
      (asked) => asked.send(responseTo(asked, { code: 'SERVFAIL' })),
      1,
    ],
  ];
  for (const [how, behavior, expected] of rows) {
    test(how, async () => {
      const { server, mail } = await scene(behavior);
      const first = await mail().lookUp('a.test', 'A');
      expect(await mail().lookUp('A.TEST', 'A')).toEqual(first);
      expect(server.asked).toHaveLength(expected);
    });
  }

  test('by type', async () => {
    const { server, mail } = await scene((asked) =>
      asked.send(asked.type === 'A' ? addressFor(asked) : responseTo(asked)),
    );
    expect(await mail().lookUp('a.test', 'A')).toEqual(FOUND);
    expect(await mail().lookUp('a.test', 'TXT')).toEqual({ kind: 'no-data' });
    expect(server.asked).toHaveLength(2);
  });

  test('until its TTL is over, a failure until three seconds are', async () => {
    const { server, mail } = await scene((asked) =>
      asked.send(
        asked.name === 'fails.test'
          ? responseTo(asked, { code: 'SERVFAIL' })
          : addressFor(asked, '192.0.2.1', 1),
      ),
    );
    const both = () =>
      Promise.all(['a.test', 'fails.test'].map((name) => mail().lookUp(name, 'A')));
    await both();
    await sleep(1100);
    await both();
    expect(server.asked.map(({ name }) => name).toSorted()).toEqual([
      'a.test',
      'a.test',
      'fails.test',
    ]);
    await sleep(2100);
    await both();
    expect(server.asked.filter(({ name }) => name === 'fails.test')).toHaveLength(2);
  });

  test('and cannot be changed by who gets it', async () => {
    const { mail } = await scene(answering);
    const answer = await mail().lookUp('a.test', 'A');
    if (answer.kind !== 'records') throw new Error('expected records');
    expect(Object.isFrozen(answer.records)).toBe(true);
  });
});

test('equal questions under way are asked once, whatever their letters', async () => {
  const { behavior, answer } = held();
  const { server, mail, events } = await scene(behavior);
  const answers = Array.from({ length: 100 }, (_, index) =>
    mail().lookUp(index % 2 === 0 ? 'a.test' : 'A.Test', 'A'),
  );
  await until(() => server.asked.length > 0);
  answer();
  expect(new Set((await Promise.all(answers)).map((each) => JSON.stringify(each)))).toEqual(
    new Set([JSON.stringify(FOUND)]),
  );
  expect(server.asked).toHaveLength(1);
  expect(events.map(({ kind }) => kind).toSorted()).toEqual([
    ...Array.from({ length: 99 }, () => 'joined'),
    'look-up',
  ]);
});

test('a mail stops waiting at its deadline, another goes on, and the answer is remembered', async () => {
  const { behavior, answer } = held();
  const { server, mail } = await scene(behavior);
  const short = mail(100);
  const long = mail().lookUp('a.test', 'A');
  expect(await Promise.all(['a.test', 'b.test'].map((name) => short.lookUp(name, 'A')))).toEqual([
    TIMEOUT,
    TIMEOUT,
  ]);
  expect(await short.lookUp('c.test', 'A')).toEqual(TIMEOUT);
  answer();
  expect(await long).toEqual(FOUND);
  expect(await mail(50).lookUp('a.test', 'A')).toEqual(FOUND);
  expect(server.asked.map(({ name }) => name).toSorted()).toEqual(['a.test', 'b.test']);
});

test('a mail has a number of look-ups, cached ones and impossible names counted', async () => {
  const { server, mail, events } = await scene(answering);
  const lookups = mail(10_000, { most: 4 });
  const names = ['a.test', 'a.test', `${'x'.repeat(64)}.test`, 'b.test', 'c.test', 'a.test'];
  const answers = [];
  for (const name of names) answers.push(await lookups.lookUp(name, 'A'));
  expect(answers).toEqual([FOUND, FOUND, { kind: 'no-name' }, FOUND, BOUND, BOUND]);
  expect(lookups.count).toBe(4);
  expect(server.asked).toHaveLength(2);
  expect(events.filter(({ kind }) => kind === 'over-bound')).toHaveLength(2);
});

describe('look-ups under way', () => {
  test('are no more than the bound, the others wait, and of those no more than the bound', async () => {
    const { behavior, answer } = held();
    const { server, mail, resolver } = await scene(behavior, { mostUnderWay: 4, mostWaiting: 3 });
    const answers = Array.from({ length: 8 }, (_, index) => mail().lookUp(`n${index}.test`, 'A'));
    expect(await answers[7]).toEqual(BOUND);
    await until(() => server.asked.length >= 4);
    await sleep(50);
    expect(server.asked).toHaveLength(4);
    expect(resolver.usage).toMatchObject({ underWay: 4, waiting: 3 });
    answer();
    await until(() => server.asked.length >= 7);
    answer();
    expect(await Promise.all(answers.slice(0, 7))).toEqual(Array.from({ length: 7 }, () => FOUND));
    expect(resolver.usage).toMatchObject({ underWay: 0, waiting: 0 });
  });

  test('are for one client a quarter of all: it does not keep the others waiting', async () => {
    const { server, mail, resolver } = await scene(
      (asked) => {
        if (!asked.name.startsWith('tarpit')) asked.send(addressFor(asked));
      },
      { mostUnderWay: 8, mostWaiting: 40 },
    );
    const hostile = mail(10_000, { client: '203.0.113.66' });
    const tarpit = Array.from({ length: 20 }, (_, index) =>
      hostile.lookUp(`tarpit${index}.test`, 'A'),
    );
    expect(await Promise.race(tarpit.toReversed())).toEqual(BOUND);
    expect(resolver.usage).toEqual(expect.objectContaining({ underWay: 2, waiting: 10 }));
    const honest = Array.from({ length: 10 }, (_, index) =>
      mail(5000, { client: `198.51.100.${index}` }).lookUp(`honest${index}.test`, 'A'),
    );
    expect(await Promise.all(honest)).toEqual(Array.from({ length: 10 }, () => FOUND));
    expect(server.asked.filter(({ name }) => name.startsWith('tarpit')).length).toBe(2);
  });

  test('start for an honest client though a hostile one asked the same first', async () => {
    const { mail } = await scene(
      (asked) => {
        if (!asked.name.startsWith('tarpit')) asked.send(addressFor(asked));
      },
      { mostUnderWay: 4, mostWaiting: 40 },
    );
    const hostile = mail(10_000, { client: '203.0.113.66' });
    const names = ['tarpit1.test', 'tarpit2.test', 'key.test'];
    const waiting = names.map((name) => hostile.lookUp(name, 'A'));
    expect(await mail(5000, { client: '198.51.100.1' }).lookUp('key.test', 'A')).toEqual(FOUND);
    expect(await waiting[2]).toEqual(FOUND);
  });

  test('do not start when nobody waits for them any more', async () => {
    const { behavior, answer } = held();
    const { server, mail, resolver } = await scene(behavior, { mostUnderWay: 1 });
    const first = mail().lookUp('first.test', 'A');
    expect(await mail(100).lookUp('second.test', 'A')).toEqual(TIMEOUT);
    expect(resolver.usage).toMatchObject({ underWay: 1, waiting: 0 });
    answer();
    expect(await first).toEqual(FOUND);
    await sleep(50);
    expect(server.asked.map(({ name }) => name)).toEqual(['first.test']);
  });
});

test('close ends what is under way and what waits; afterwards nothing is asked', async () => {
  const { server, mail, resolver } = await scene(() => {}, { mostUnderWay: 2 });
  const answers = ['a.test', 'b.test', 'c.test'].map((name) => mail().lookUp(name, 'A'));
  await until(() => server.asked.length >= 2);
  resolver.close();
  const gone = { kind: 'failed', reason: 'unreachable' };
  expect(await Promise.all(answers)).toEqual([gone, gone, gone]);
  expect(await mail().lookUp('d.test', 'A')).toEqual(gone);
  expect(resolver.usage).toEqual({ underWay: 0, waiting: 0, cacheEntries: 0, cacheOctets: 0 });
  expect(server.asked).toHaveLength(2);
});

test('close ends a look-up in the turn in which it began', async () => {
  const { server, mail, resolver } = await scene(() => {});
  const answer = mail().lookUp('a.test', 'A');
  resolver.close();
  expect(await answer).toEqual({ kind: 'failed', reason: 'unreachable' });
  await sleep(50);
  expect(server.asked).toEqual([]);
});

test('no event has a name that was asked', async () => {
  const { mail, events } = await scene(
    (asked) => (asked.name.startsWith('key-fails') ? undefined : asked.send(addressFor(asked))),
    { timeoutMillis: 300 },
  );
  for (const name of ['key-a.test', 'key-a.test', 'key-fails.test']) await mail().lookUp(name, 'A');
  expect(events.map(({ kind }) => kind)).toEqual(['look-up', 'cache-hit', 'failure']);
  expect(JSON.stringify(events)).not.toContain('key-');
});
