// Servers that are slow, dead or failing: what is asked again, of whom, and how often.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createResolver, type ResolverOptions } from '../../../src/verify/dns/create-resolver.ts';
import { parseServer, systemServers } from '../../../src/verify/dns/servers.ts';
import { freePort } from '../../support/free-port.ts';
import {
  addressFor,
  type Behavior,
  HostileDnsServer,
  responseTo,
} from '../../support/hostile-dns-server.ts';

const FOUND = { kind: 'records', records: ['192.0.2.1'] };
const answering: Behavior = (asked) => asked.send(addressFor(asked));
const silent: Behavior = () => {};
const failing: Behavior = (asked) => asked.send(responseTo(asked, { code: 'SERVFAIL' }));

function clientOf(servers: readonly string[], options: ResolverOptions = {}) {
  const resolver = createResolver({ servers, ...options });
  onTestFinished(() => resolver.close());
  return resolver;
}

function ask(resolver: ReturnType<typeof clientOf>, name = 'a.test', within = 20_000) {
  return resolver.forMail(performance.now() + within).lookUp(name, 'A');
}

describe('the address of a server', () => {
  const rows: readonly (readonly [string, string | undefined, number?])[] = [
    ['192.0.2.53', '192.0.2.53', 53],
    ['192.0.2.53:5353', '192.0.2.53', 5353],
    ['2001:db8::53', '2001:db8::53', 53],
    ['[2001:db8::53]', '2001:db8::53', 53],
    ['[2001:db8::53]:5353', '2001:db8::53', 5353],
    ['fe80::1%eth0', 'fe80::1%eth0', 53],
    ['dns.example', undefined],
    ['192.0.2.53:', undefined],
    ['192.0.2.53:0', undefined],
    ['192.0.2.53:65536', undefined],
    ['[192.0.2.53]:53', undefined],
    ['192.0.2', undefined],
    ['', undefined],
  ];
  for (const [text, host, port] of rows) {
    test(JSON.stringify(text), () => {
      expect(parseServer(text)).toEqual(host === undefined ? undefined : { host, port });
    });
  }

  test('the servers of the system are addresses', () => {
    expect(systemServers().map((text) => parseServer(text) !== undefined)).not.toContain(false);
  });

  test('anything else is an error that names it', () => {
    expect(() => createResolver({ servers: ['dns.example'] })).toThrow(
      'DNS server: expected address, address:port or [IPv6]:port, got dns.example',
    );
  });

  test('without a server every question fails', async () => {
    expect(await ask(clientOf([]))).toEqual({ kind: 'failed', reason: 'unreachable' });
  });
});

test('an answer that comes after the question was sent again counts', async () => {
  const server = await HostileDnsServer.start(async (asked) => {
    await sleep(1000);
    asked.send(addressFor(asked));
  });
  expect(await ask(clientOf([server.address]))).toEqual(FOUND);
  expect(server.asked).toHaveLength(2);
  expect(new Set(server.asked.map(({ id, port }) => `${id} ${port}`)).size).toBe(2);
});

describe('the next server is asked', () => {
  const behaviors: readonly (readonly [string, Behavior])[] = [
    ['after SERVFAIL', failing],
    ['after REFUSED', (asked) => asked.send(responseTo(asked, { code: 'REFUSED' }))],
    ['after garbage', (asked) => asked.send(responseTo(asked, { code: 'NOTIMP' }))],
    ['after silence', silent],
    [
      'after a TCP connection that is closed',
      (asked) => {
        if (asked.transport === 'tcp') asked.socket?.destroy();
        else asked.send(responseTo(asked, { isTruncated: true }));
      },
    ],
  ];
  for (const [when, behavior] of behaviors) {
    test(when, async () => {
      const first = await HostileDnsServer.start(behavior);
      const second = await HostileDnsServer.start(answering);
      expect(await ask(clientOf([first.address, second.address]))).toEqual(FOUND);
      expect(second.asked).toHaveLength(1);
    });
  }

  test('after one where nothing listens', async () => {
    const second = await HostileDnsServer.start(answering);
    expect(await ask(clientOf([`127.0.0.1:${await freePort()}`, second.address]))).toEqual(FOUND);
  });

  test('after one that cannot be reached', async () => {
    const second = await HostileDnsServer.start(answering);
    // A scoped address without its interface.
    expect(await ask(clientOf(['fe80::1%nonesuch', second.address]))).toEqual(FOUND);
  });
});

test('when all servers fail, each was asked once and the look-up ends at once', async () => {
  const servers = [await HostileDnsServer.start(failing), await HostileDnsServer.start(failing)];
  const resolver = clientOf(
    servers.map(({ address }) => address),
    { timeoutMillis: 30_000 },
  );
  expect(await ask(resolver)).toEqual({ kind: 'failed', reason: 'servfail' });
  expect(servers.map(({ asked }) => asked.length)).toEqual([1, 1]);
});

test('a server that starts while it is asked is found', async () => {
  const port = await freePort();
  const answer = ask(clientOf([`127.0.0.1:${port}`]));
  await sleep(200);
  await HostileDnsServer.start(answering, port);
  expect(await answer).toEqual(FOUND);
});

test('where nothing listens the look-up fails before its time is over', async () => {
  const resolver = clientOf([`127.0.0.1:${await freePort()}`], { timeoutMillis: 25_000 });
  expect(await ask(resolver)).toEqual({ kind: 'failed', reason: 'unreachable' });
});

test('a server that has been silent is asked last, until it answers again', async () => {
  const first = await HostileDnsServer.start(silent);
  const second = await HostileDnsServer.start(answering);
  const resolver = clientOf([first.address, second.address]);
  for (let index = 0; index < 3; index += 1) {
    expect(await ask(resolver, `n${index}.test`)).toEqual(FOUND);
  }
  const before = first.asked.length;
  for (let index = 3; index < 50; index += 1) {
    expect(await ask(resolver, `n${index}.test`)).toEqual(FOUND);
  }
  expect(first.asked.length).toBe(before);
});
