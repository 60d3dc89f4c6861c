// Look-ups against Knot DNS, directly and behind Unbound and dnsmasq.
import { describe, expect, test } from 'vitest';
import { createResolver } from '../../../src/verify/dns/create-resolver.ts';
import { need } from '../../support/programs.ts';
import {
  type NameServer,
  startDnsmasq,
  startKnot,
  startUnbound,
  untilTestEnds,
} from '../../support/name-servers.ts';

const ZONE = String.raw`
a A 192.0.2.1
a A 192.0.2.2
a AAAA 2001:db8::1
a MX 10 mx1
a MX 20 mx2.example.test.
a TXT "v=spf1 " "-all"
a TXT "caf\195\169"
null MX 0 .
alias CNAME second
second CNAME a
dangling CNAME nowhere
loop CNAME pool
pool CNAME loop
1.2.0.192.in-addr PTR a
bin\000\255\200x TXT "\200\255"
d\.t TXT "dot in a label"
dotted CNAME d\.t
tree.below.here A 192.0.2.3
`;

const rows = [
  ['a.example.test', 'A', { kind: 'records', records: ['192.0.2.1', '192.0.2.2'] }],
  ['A.ExAmPlE.TEST', 'AAAA', { kind: 'records', records: ['2001:db8::1'] }],
  [
    'a.example.test',
    'MX',
    { kind: 'records', records: ['10 mx1.example.test', '20 mx2.example.test'] },
  ],
  ['a.example.test', 'TXT', { kind: 'records', records: ['caf\xc3\xa9', 'v=spf1 -all'] }],
  ['null.example.test', 'MX', { kind: 'records', records: ['0 .'] }],
  ['alias.example.test', 'A', { kind: 'records', records: ['192.0.2.1', '192.0.2.2'] }],
  ['alias.example.test', 'CNAME', { kind: 'records', records: ['second.example.test'] }],
  ['alias.example.test', 'PTR', { kind: 'no-data' }],
  ['dangling.example.test', 'A', { kind: 'no-name' }],
  ['1.2.0.192.in-addr.example.test', 'PTR', { kind: 'records', records: ['a.example.test'] }],
  ['bin\0\xff\xc8x.example.test', 'TXT', { kind: 'records', records: ['\xc8\xff'] }],
  ['bin\0\xff\xc9x.example.test', 'TXT', { kind: 'no-name' }],
  ['d.t.example.test', 'TXT', { kind: 'no-name' }],
  ['dotted.example.test', 'CNAME', { kind: 'records', records: [String.raw`d\.t.example.test`] }],
  ['dotted.example.test', 'TXT', { kind: 'records', records: ['dot in a label'] }],
  ['below.here.example.test', 'A', { kind: 'no-data' }],
  ['nothing.example.test', 'A', { kind: 'no-name' }],
  ['example.test', 'NS', { kind: 'records', records: ['ns.example.test'] }],
  [
    'example.test',
    'SOA',
    { kind: 'records', records: ['ns.example.test root.example.test 1 3600 600 86400 60'] },
  ],
] as const;

async function resolves(server: NameServer, address = server.address): Promise<void> {
  await using resolver = createResolver({ servers: [address] });
  const lookups = resolver.forMail(performance.now() + 10_000);
  for (const [name, type, expected] of rows) {
    const answer = await lookups.lookUp(name, type);
    const sorted =
      answer.kind === 'records' ? { ...answer, records: answer.records.toSorted() } : answer;
    expect([name, type, sorted]).toEqual([name, type, expected]);
  }
}

describe('look-ups by type, through aliases, and of names with any octets', () => {
  test('of Knot DNS', async ({ skip }) => {
    need(skip, 'knotd');
    await resolves(untilTestEnds(await startKnot({ 'example.test': ZONE })));
  });

  test('of Knot DNS by IPv6', async ({ skip }) => {
    need(skip, 'knotd');
    const knot = untilTestEnds(await startKnot({ 'example.test': ZONE }));
    await resolves(knot, `[::1]:${knot.port}`);
  });

  test('of Unbound', async ({ skip }) => {
    need(skip, 'knotd', 'unbound');
    const knot = untilTestEnds(await startKnot({ 'example.test': ZONE }));
    await resolves(untilTestEnds(await startUnbound(knot, ['example.test'])));
  });

  test('of dnsmasq', async ({ skip }) => {
    need(skip, 'knotd', 'dnsmasq');
    const knot = untilTestEnds(await startKnot({ 'example.test': ZONE }));
    await resolves(untilTestEnds(await startDnsmasq(knot)));
  });
});
