// The look-ups as the package mailauth makes them.
import { spf, type SPFOptions } from 'mailauth/lib/spf/index.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createResolver } from '../../../src/verify/dns/create-resolver.ts';
import { nodeResolver } from '../../support/node-resolver.ts';
import type { DnsAnswer, MailLookups, RecordType } from '../../../src/verify/dns/resolver.ts';
import { HostileDnsServer, responseTo } from '../../support/hostile-dns-server.ts';
import { startKnot, untilTestEnds } from '../../support/name-servers.ts';
import { need } from '../../support/programs.ts';

/** Look-ups with this answer. */
function answering(answer: DnsAnswer): MailLookups & { readonly asked: [string, RecordType][] } {
  const asked: [string, RecordType][] = [];
  return {
    asked,
    get count() {
      return asked.length;
    },
    lookUp: (name, type) => {
      asked.push([name, type]);
      return Promise.resolve(answer);
    },
  };
}

describe('results are those of node:dns', () => {
  const rows: readonly (readonly [RecordType, readonly string[], unknown])[] = [
    ['A', ['192.0.2.1'], ['192.0.2.1']],
    ['TXT', ['v=spf1 -all', ''], [['v=spf1 -all'], ['']]],
    [
      'MX',
      ['10 mx.example', '0 .'],
      [
        { priority: 10, exchange: 'mx.example' },
        { priority: 0, exchange: '' },
      ],
    ],
    ['PTR', ['a.example'], ['a.example']],
    ['CNAME', ['a.example'], ['a.example']],
  ];
  for (const [type, records, expected] of rows) {
    test(type, async () => {
      const resolve = nodeResolver(
        answering({ kind: 'records', records: Object.freeze([...records]) }),
      );
      const result = await resolve('a.example', type);
      expect(result).toEqual(expected);
      // mailauth sorts them in place.
      expect(Object.isFrozen(result)).toBe(false);
    });
  }
});

describe('errors have the codes of node:dns', () => {
  const rows: readonly (readonly [DnsAnswer, string])[] = [
    [{ kind: 'no-name' }, 'ENOTFOUND'],
    [{ kind: 'no-data' }, 'ENODATA'],
    [{ kind: 'failed', reason: 'timeout' }, 'ETIMEOUT'],
    [{ kind: 'failed', reason: 'servfail' }, 'ESERVFAIL'],
    [{ kind: 'failed', reason: 'refused' }, 'EREFUSED'],
    [{ kind: 'failed', reason: 'garbage' }, 'EBADRESP'],
    [{ kind: 'failed', reason: 'unreachable' }, 'ECONNREFUSED'],
    [{ kind: 'failed', reason: 'bound' }, 'ECANCELLED'],
  ];
  for (const [answer, code] of rows) {
    test(code, async () => {
      const lookups = answering(answer);
      await expect(nodeResolver(lookups)('a.example.', 'TXT')).rejects.toMatchObject({
        code,
        syscall: 'queryTxt',
        hostname: 'a.example.',
        message: `queryTxt ${code} a.example.`,
      });
      // Without the final dot.
      expect(lookups.asked).toEqual([['a.example', 'TXT']]);
    });
  }
});

const ZONE = String.raw`
@ TXT "v=spf1 include:_spf.%{d2} -all"
_spf TXT "v=spf1 a:mail.example.test exists:%{l}._verp.%{d2} ?all"
mail A 192.0.2.1
bounce\+a\=b\@c\#1._verp A 127.0.0.2
caf\195\169._verp A 127.0.0.2
mx TXT "v=spf1 mx:many.example.test mx:many2.example.test -all"
many MX 10 h0
many MX 10 h1
many MX 10 h2
many MX 10 h3
many2 MX 10 h4
many2 MX 10 h5
`;

async function knotOf() {
  const knot = untilTestEnds(await startKnot({ 'example.test': ZONE }));
  const resolver = createResolver({ servers: [knot.address] });
  onTestFinished(() => resolver.close());
  return resolver.forMail(performance.now() + 20_000);
}

async function spfOf(sender: string, resolver: unknown): Promise<string | undefined> {
  const result = await spf({
    sender,
    ip: '203.0.113.1',
    helo: 'client.example.test',
    mta: 'mx.example.test',
    strict: true,
    resolver,
  } as SPFOptions);
  return (result as { readonly status?: { readonly result?: string } }).status?.result;
}

describe('SPF by mailauth', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    [
      'a local part with octets that node:dns refuses, and that the zone has',
      'bounce+a=b@c#1@example.test',
      'pass',
    ],
    ['one that the zone does not have', 'bounce+x=y!#@example.test', 'fail'],
    ['one that is too long for a label', `${'x'.repeat(64)}@example.test`, 'fail'],
    ['an ordinary one', 'info@example.test', 'fail'],
    ['a domain without a record', 'info@nothing.example.test', 'none'],
    ['a domain whose label is too long', `info@${'x'.repeat(64)}.example.test`, 'none'],
  ];
  for (const [what, sender, expected] of rows) {
    test(what, async ({ skip }) => {
      need(skip, 'knotd');
      expect(await spfOf(sender, nodeResolver(await knotOf()))).toBe(expected);
    });
  }

  test('asks no more than the look-ups that it may; the next one is a permerror', async ({
    skip,
  }) => {
    need(skip, 'knotd');
    const lookups = await knotOf();
    // The record, two MX records, and six hosts.
    expect(await spfOf('info@mx.example.test', nodeResolver(lookups, 9))).toBe('fail');
    expect(lookups.count).toBe(9);
    expect(await spfOf('info@mx.example.test', nodeResolver(lookups, 8))).toBe('permerror');
    expect(lookups.count).toBe(17);
  });

  const failures = [
    ['SERVFAIL', 'temperror'],
    ['REFUSED', 'temperror'],
    ['NOTIMP', 'temperror'],
    ['NXDOMAIN', 'none'],
    ['YXDOMAIN', 'none'],
  ] as const;
  for (const [code, expected] of failures) {
    test(`of a domain whose DNS says ${code}: ${expected}`, async () => {
      const server = await HostileDnsServer.start((asked) =>
        asked.send(responseTo(asked, { code })),
      );
      const resolver = createResolver({ servers: [server.address] });
      onTestFinished(() => resolver.close());
      const lookups = resolver.forMail(performance.now() + 5000);
      expect(await spfOf('info@example.test', nodeResolver(lookups))).toBe(expected);
    });
  }

  test('of a domain whose DNS is silent, at the deadline: temperror', async () => {
    const server = await HostileDnsServer.start(() => {});
    const resolver = createResolver({ servers: [server.address] });
    onTestFinished(() => resolver.close());
    const lookups = resolver.forMail(performance.now() + 300);
    expect(await spfOf('info@example.test', nodeResolver(lookups))).toBe('temperror');
  });
});
