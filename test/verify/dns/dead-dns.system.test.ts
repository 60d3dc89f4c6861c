// Silent servers until the time of a look-up is over: how often a question is sent.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createResolver, type DnsClient } from '../../../src/verify/dns/create-resolver.ts';
import { type Behavior, HostileDnsServer, responseTo } from '../../support/hostile-dns-server.ts';

const silent: Behavior = () => {};
const failing: Behavior = (asked) => asked.send(responseTo(asked, { code: 'SERVFAIL' }));

function clientOf(servers: readonly string[]): DnsClient {
  const resolver = createResolver({ servers });
  onTestFinished(() => resolver.close());
  return resolver;
}

function ask(resolver: DnsClient) {
  return resolver.forMail(performance.now() + 20_000).lookUp('a.test', 'A');
}

test('a silent server is asked three times within five seconds', async () => {
  const server = await HostileDnsServer.start(silent);
  expect(await ask(clientOf([server.address]))).toEqual({ kind: 'failed', reason: 'timeout' });
  expect(server.asked).toHaveLength(3);
});

test('a failed server is not asked again while another is still silent', async () => {
  const servers = [await HostileDnsServer.start(failing), await HostileDnsServer.start(silent)];
  const resolver = clientOf(servers.map(({ address }) => address));
  expect(await ask(resolver)).toEqual({ kind: 'failed', reason: 'servfail' });
  expect(servers.map(({ asked }) => asked.length)).toEqual([1, 3]);
});

describe('dead DNS under fifty senders', () => {
  /** Fifty mails at a time, each with five questions of its own and one that all have. */
  async function mails(resolver: DnsClient, round: number) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, sender) => {
        const lookups = resolver.forMail(performance.now() + 5000, {
          client: `198.51.100.${sender}`,
        });
        return Promise.all(
          ['', '_dmarc.', 's1._domainkey.', 's2._domainkey.', 'mx.']
            .map((prefix) => `${prefix}sender${sender}-${round}.test`)
            .concat('everyones.test')
            .map((name) => lookups.lookUp(name, 'TXT')),
        );
      }),
    );
    return answers.flat();
  }

  test('each question is sent once, and a few again until the silence is noticed', async () => {
    const server = await HostileDnsServer.start(silent);
    const resolver = clientOf([server.address]);
    const questions = 50 * 5 + 1;
    for (let round = 0; round < 2; round += 1) {
      const answers = await mails(resolver, round);
      expect(new Set(answers.map((each) => JSON.stringify(each)))).toEqual(
        new Set(['{"kind":"failed","reason":"timeout"}']),
      );
    }
    // The failure of the common question is remembered for three seconds, so it is asked in both rounds.
    expect(server.asked.length).toBeGreaterThanOrEqual(2 * questions);
    expect(server.asked.length).toBeLessThan(2 * questions + 30);
    while (resolver.usage.underWay > 0) await sleep(10);
    expect(resolver.usage.waiting).toBe(0);
  });

  test('one server of two that is dead takes no more than a few questions', async () => {
    const dead = await HostileDnsServer.start(silent);
    const alive = await HostileDnsServer.start((asked) =>
      asked.send(responseTo(asked, { code: 'NXDOMAIN' })),
    );
    const resolver = clientOf([dead.address, alive.address]);
    for (let round = 0; round < 3; round += 1) {
      const answers = await mails(resolver, round);
      expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(['no-name']));
    }
    // The first round is asked of the dead one before it is known to be dead.
    expect(dead.asked.length).toBeLessThanOrEqual(251);
    expect(alive.asked.length).toBe(3 * 251);
  });
});
