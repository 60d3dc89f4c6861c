// A DNS server, or somebody on the way to it, that sends anything but the answer.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createResolver, type DnsClient } from '../../../src/verify/dns/create-resolver.ts';
import type { DnsEvent } from '../../../src/verify/dns/dns-event.ts';
import {
  addressFor,
  type Asked,
  type Behavior,
  HostileDnsServer,
  responseTo,
  soa,
} from '../../support/hostile-dns-server.ts';

const FOUND = { kind: 'records', records: ['192.0.2.1'] };

function failed(reason: string) {
  return { kind: 'failed', reason };
}

/** A server, a client that asks it, and what the client tells. */
async function scene(
  behavior: Behavior,
  options: { readonly timeoutMillis?: number } = {},
): Promise<{ server: HostileDnsServer; resolver: DnsClient; events: DnsEvent[] }> {
  const server = await HostileDnsServer.start(behavior);
  const events: DnsEvent[] = [];
  const resolver = createResolver({
    servers: [server.address],
    observe: (event) => events.push(event),
    ...options,
  });
  onTestFinished(() => resolver.close());
  return { server, resolver, events };
}

function ask(resolver: DnsClient, name = 'a.test', within = 10_000) {
  return resolver.forMail(performance.now() + within).lookUp(name, 'A');
}

const wrongThenRight: readonly (readonly [string, (asked: Asked) => void])[] = [
  ['another id', (asked) => asked.send(addressForEvil(asked, { id: asked.id ^ 1 }))],
  [
    'another name in the question',
    (asked) => asked.send(addressForEvil(asked, { questions: [{ name: 'b.test', type: 'A' }] })),
  ],
  [
    'another type in the question',
    (asked) =>
      asked.send(addressForEvil(asked, { questions: [{ name: asked.name, type: 'TXT' }] })),
  ],
  [
    'another class in the question',
    (asked) =>
      asked.send(
        addressForEvil(asked, { questions: [{ name: asked.name, type: 'A', class: 'CH' }] }),
      ),
  ],
  ['no question', (asked) => asked.send(addressForEvil(asked, { questions: [] }))],
  [
    'two questions',
    (asked) =>
      asked.send(
        addressForEvil(asked, {
          questions: [
            { name: asked.name, type: 'A' },
            { name: asked.name, type: 'A' },
          ],
        }),
      ),
  ],
  ['the question sent back', (asked) => asked.send(asked.message)],
  ['another source', (asked) => asked.sendFromElsewhere(addressForEvil(asked))],
  ['fewer octets than a header has', (asked) => asked.send(asked.message.subarray(0, 11))],
  ['no octets', (asked) => asked.send(Buffer.alloc(0))],
];

function addressForEvil(asked: Asked, parts: Parameters<typeof responseTo>[1] = {}): Buffer {
  return responseTo(asked, {
    answers: [{ type: 'A', name: asked.name, ttl: 300, data: '203.0.113.66' }],
    ...parts,
  });
}

describe('a message that is no answer to the question is passed over', () => {
  for (const [what, sendWrong] of wrongThenRight) {
    test(what, async () => {
      const { resolver, server, events } = await scene(async (asked) => {
        sendWrong(asked);
        await sleep(50);
        asked.send(addressFor(asked));
      });
      expect(await ask(resolver)).toEqual(FOUND);
      expect(server.asked).toHaveLength(1);
      // The system drops what comes from elsewhere, before the client.
      const foreign = events.filter(({ kind }) => kind === 'foreign-answer');
      expect(foreign).toEqual(
        what === 'another source' ? [] : [{ kind: 'foreign-answer', server: server.address }],
      );
    });
  }
});

test('who sends several wrong ids is guessing: the question is asked by TCP', async () => {
  const { resolver, server } = await scene((asked) => {
    if (asked.transport === 'tcp') asked.send(addressFor(asked));
    else
      for (let id = 1; id <= 20; id += 1) asked.send(addressForEvil(asked, { id: asked.id ^ id }));
  });
  expect(await ask(resolver)).toEqual(FOUND);
  expect(server.asked.map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
});

test('ports and ids are different for each question, and not in an order', async () => {
  const { resolver, server } = await scene((asked) => asked.send(addressFor(asked)));
  const lookups = resolver.forMail(performance.now() + 10_000, { most: 1000 });
  for (let index = 0; index < 300; index += 1) await lookups.lookUp(`n${index}.test`, 'A');
  for (const values of [server.asked.map(({ id }) => id), server.asked.map(({ port }) => port)]) {
    // 300 of 65,536 ids or 28,232 ports: 2 equal ones are likely, 30 are not.
    expect(new Set(values).size).toBeGreaterThan(270);
    const rising = values.filter((value, index) => value > (values[index - 1] ?? 0)).length;
    expect(rising).toBeGreaterThan(90);
    expect(rising).toBeLessThan(210);
  }
});

const failures: readonly (readonly [string, Behavior, string])[] = [
  ['SERVFAIL', (asked) => asked.send(responseTo(asked, { code: 'SERVFAIL' })), 'servfail'],
  ['REFUSED', (asked) => asked.send(responseTo(asked, { code: 'REFUSED' })), 'refused'],
  ['NOTIMP', (asked) => asked.send(responseTo(asked, { code: 'NOTIMP' })), 'garbage'],
  [
    'REFUSED without a question',
    (asked) => asked.send(responseTo(asked, { code: 'REFUSED', questions: [] })),
    'refused',
  ],
  [
    'a referral to other servers',
    (asked) =>
      asked.send(
        responseTo(asked, {
          isReferral: true,
          authorities: [{ type: 'NS', name: 'test', ttl: 300, data: 'ns.test' }],
        }),
      ),
    'refused',
  ],
  [
    'octets behind the question that are no records',
    (asked) => {
      const response = addressFor(asked);
      asked.send(
        Buffer.concat([response.subarray(0, asked.message.length - 11), Buffer.alloc(5, 0xff)]),
      );
    },
    'garbage',
  ],
  [
    'records and NXDOMAIN at once',
    (asked) => asked.send(addressForEvil(asked, { code: 'NXDOMAIN' })),
    'garbage',
  ],
  [
    'an address of three octets',
    (asked) => {
      const response = addressFor(asked).subarray(0, -1);
      response.writeUInt16BE(3, response.length - 5);
      asked.send(response);
    },
    'garbage',
  ],
  [
    'aliases in a circle',
    (asked) =>
      asked.send(
        responseTo(asked, {
          answers: [
            { type: 'CNAME', name: 'a.test', ttl: 300, data: 'b.test' },
            { type: 'CNAME', name: 'b.test', ttl: 300, data: 'a.test' },
          ],
        }),
      ),
    'garbage',
  ],
  ['more aliases than anybody has', (asked) => asked.send(aliases(asked, 17)), 'garbage'],
  [
    'a truncated answer by UDP and by TCP',
    (asked) => asked.send(responseTo(asked, { isTruncated: true })),
    'garbage',
  ],
  [
    'another answer by TCP',
    (asked) =>
      asked.transport === 'udp'
        ? asked.send(responseTo(asked, { isTruncated: true }))
        : asked.send(addressForEvil(asked, { id: asked.id ^ 1 })),
    'garbage',
  ],
  [
    'a TCP connection that is closed in the middle of the answer',
    (asked) =>
      asked.transport === 'udp'
        ? asked.send(responseTo(asked, { isTruncated: true }))
        : asked.socket?.end(Buffer.from([0, 100, 1, 2, 3])),
    'garbage',
  ],
  ['more records than are read', (asked) => asked.send(manyAddresses(asked, 1001)), 'garbage'],
  ['no answer', () => {}, 'timeout'],
  [
    'a wrong id each time',
    (asked) => asked.transport === 'udp' && asked.send(addressForEvil(asked, { id: asked.id ^ 1 })),
    'timeout',
  ],
];

function aliases(asked: Asked, count: number): Buffer {
  const name = (index: number): string => (index === 0 ? asked.name : `alias${index}.test`);
  return responseTo(asked, {
    answers: [
      ...Array.from({ length: count }, (_, index) => ({
        type: 'CNAME' as const,
        name: name(index),
        ttl: 300,
        data: name(index + 1),
      })),
      { type: 'A', name: name(count), ttl: 300, data: '192.0.2.1' },
    ],
  });
}

function manyAddresses(asked: Asked, count: number): Buffer {
  if (asked.transport === 'udp') return responseTo(asked, { isTruncated: true });
  return responseTo(asked, {
    answers: Array.from({ length: count }, () => ({
      type: 'A' as const,
      name: asked.name,
      ttl: 300,
      data: '192.0.2.1',
    })),
  });
}

describe('a failure is one, with its reason', () => {
  for (const [what, behavior, reason] of failures) {
    test(what, async () => {
      const { resolver, events } = await scene(behavior, { timeoutMillis: 1500 });
      expect(await ask(resolver)).toEqual(failed(reason));
      expect(events.filter(({ kind }) => kind === 'failure')).toMatchObject([
        { reason, type: 'A' },
      ]);
    });
  }
});

const answers: readonly (readonly [string, Behavior, object])[] = [
  ['sixteen aliases', (asked) => asked.send(aliases(asked, 16)), FOUND],
  [
    'a name that DNAME made too long',
    (asked) => asked.send(responseTo(asked, { code: 'YXDOMAIN' })),
    { kind: 'no-name' },
  ],
  [
    'no answer to EDNS but FORMERR',
    (asked) =>
      asked.send(
        asked.hasEdns ? responseTo(asked, { code: 'FORMERR', questions: [] }) : addressFor(asked),
      ),
    FOUND,
  ],
  [
    'the answer by TCP, one octet at a time',
    async (asked) => {
      const answer = addressFor(asked);
      if (asked.transport === 'udp') asked.send(responseTo(asked, { isTruncated: true }));
      else
        for (const octet of [0, answer.length, ...answer]) {
          asked.socket?.write(Buffer.from([octet]));
          await sleep(1);
        }
    },
    FOUND,
  ],
  ['a thousand addresses', (asked) => asked.send(manyAddresses(asked, 1000)), { kind: 'records' }],
  [
    'the name in other letters',
    (asked) =>
      asked.send(
        responseTo(asked, {
          questions: [{ name: 'A.TesT', type: 'A' }],
          answers: [{ type: 'A', name: 'a.TEST', ttl: 300, data: '192.0.2.1' }],
        }),
      ),
    FOUND,
  ],
  [
    'records of other names beside the answer',
    (asked) =>
      asked.send(
        responseTo(asked, {
          answers: [
            { type: 'A', name: 'evil.test', ttl: 300, data: '203.0.113.66' },
            { type: 'A', name: asked.name, ttl: 300, data: '192.0.2.1' },
          ],
        }),
      ),
    FOUND,
  ],
  [
    'only records of other names',
    (asked) =>
      asked.send(
        responseTo(asked, {
          answers: [{ type: 'A', name: 'evil.test', ttl: 300, data: '203.0.113.66' }],
        }),
      ),
    { kind: 'no-data' },
  ],
];

describe('an answer is one, however it comes', () => {
  for (const [what, behavior, expected] of answers) {
    test(what, async () => {
      const { resolver } = await scene((asked) => void behavior(asked), { timeoutMillis: 5000 });
      expect(await ask(resolver)).toMatchObject(expected);
    });
  }
});

test('an answer that ends at any octet is a failure, and the whole one an answer', async () => {
  const { resolver, server } = await scene(() => {});
  const example: Asked = { name: 'a.test', type: 'A', id: 0 } as Asked;
  const length = addressFor(example).length;
  const lookups = resolver.forMail(performance.now() + 20_000, { most: 1000 });
  const cut = async (end: number) => {
    server.behavior = (asked) => {
      if (asked.transport === 'udp') asked.send(responseTo(asked, { isTruncated: true }));
      else asked.send(addressFor(asked).subarray(0, end));
    };
    // The names are of one length, so the answers are.
    return lookups.lookUp(
      `${String.fromCharCode(97 + (end % 26))}${end}`.padEnd(4, 'x').slice(0, 4).concat('st'),
      'A',
    );
  };
  for (let end = 0; end < length; end += 1) expect(await cut(end)).toEqual(failed('garbage'));
  expect(await cut(length)).toEqual(FOUND);
});

test('thousands of records whose names are chains of pointers are an answer like any other', async () => {
  const { resolver } = await scene((asked) => {
    if (asked.transport === 'udp') {
      asked.send(responseTo(asked, { isTruncated: true }));
      return;
    }
    const head = responseTo(asked);
    const record = Buffer.alloc(16);
    // A chain of pointers behind the question, each to the one before, and records whose name is the last of them.
    const chain: Buffer[] = [];
    const start = head.length + 12;
    const data = Buffer.alloc(12 + 2 * 120);
    data.writeUInt16BE(0xc00c, 0);
    data.writeUInt16BE(16, 2);
    data.writeUInt16BE(1, 4);
    data.writeUInt16BE(240, 10);
    for (let index = 0; index < 120; index += 1) {
      data.writeUInt16BE(0xc000 | (index === 0 ? 12 : start + 2 * (index - 1)), 12 + 2 * index);
    }
    chain.push(data);
    record.writeUInt16BE(0xc000 | (start + 2 * 119), 0);
    record.writeUInt16BE(1, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(60, 6);
    record.writeUInt16BE(4, 10);
    const count = 1000;
    head.writeUInt16BE(count + 1, 6);
    asked.send(Buffer.concat([head, ...chain, ...Array.from({ length: count }, () => record)]));
  });
  const answer = await ask(resolver);
  expect(answer.kind === 'records' && new Set(answer.records)).toEqual(new Set(['0.0.0.0']));
});

test('a negative answer counts for the time of its SOA record, one without it only once', async () => {
  const { resolver, server } = await scene((asked) =>
    asked.send(
      responseTo(asked, {
        code: 'NXDOMAIN',
        authorities: asked.name.startsWith('soa') ? [soa(60)] : [],
      }),
    ),
  );
  for (const name of ['soa.test', 'soa.test', 'bare.test', 'bare.test']) {
    expect(await ask(resolver, name)).toEqual({ kind: 'no-name' });
  }
  expect(server.asked.map(({ name }) => name)).toEqual(['soa.test', 'bare.test', 'bare.test']);
});
