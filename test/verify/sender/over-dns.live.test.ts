// SPF and DKIM over the DNS client and Knot DNS: what a resolver library refuses to ask, what comes over TCP, and what is
// asked only once.
import { beforeEach, expect, test } from 'vitest';
import { createResolver } from '../../../src/verify/dns/create-resolver.ts';
import type { MailLookups } from '../../../src/verify/dns/resolver.ts';
import { checkSpf } from '../../../src/verify/sender/spf/check-spf.ts';
import { startKnot, untilTestEnds } from '../../support/name-servers.ts';
import { missing } from '../../support/programs.ts';
import { judgeSignatures } from './judge.ts';
import { makeRsaKey, sign } from './reference-signer.ts';

const absent = missing('knotd');
beforeEach(({ skip }) => skip(absent !== undefined, absent));

const MESSAGE = 'From: ann@a.test\r\nSubject: x\r\n\r\nbody\r\n';

async function lookupsIn(zones: Readonly<Record<string, string>>): Promise<() => MailLookups> {
  const knot = untilTestEnds(await startKnot(zones));
  const resolver = untilTestEnds(createResolver({ servers: [knot.address] }));
  return () => resolver.forMail(performance.now() + 5000);
}

/** A TXT record in strings of at most 255 octets. */
function txt(text: string): string {
  return (text.match(/.{1,250}/g) ?? []).map((part) => `"${part}"`).join(' ');
}

const LOCAL_PARTS = ['bounce+ann=r.example', "!#$&'*/?^{|}~", 'two words'];

/** As a zone file has it: the dots stay. */
function escaped(name: string): string {
  return name.replace(
    /[^A-Za-z0-9.]/g,
    (char) => `\\${String(char.charCodeAt(0)).padStart(3, '0')}`,
  );
}

test('SPF asks for names with any octet that a local part may have', async () => {
  const lookups = await lookupsIn({
    'a.test': [
      '@ TXT "v=spf1 exists:%{l}._u.%{d} -all"',
      ...LOCAL_PARTS.map((local) => `${escaped(local)}._u A 127.0.0.2`),
    ].join('\n'),
  });
  const results: string[] = [];
  for (const localPart of [...LOCAL_PARTS, 'nobody', 'x'.repeat(64), 'a..b']) {
    const { result } = await checkSpf({
      lookups: lookups(),
      address: '192.0.2.1',
      helo: 'mail.a.test',
      reversePath: { localPart, domain: 'a.test' },
      hostname: 'mx.r.example',
    });
    results.push(result);
  }
  expect(results).toEqual(['pass', 'pass', 'pass', 'fail', 'fail', 'fail']);
});

test('SPF follows includes, hosts and aliases', async () => {
  const lookups = await lookupsIn({
    'a.test': '@ TXT "v=spf1 include:other.b.test mx:alias.b.test -all"',
    'b.test': [
      'other TXT "some other text"',
      'other TXT "v=spf1 ip4:198.51.100.0/24 -all"',
      'alias CNAME mail',
      'mail MX 10 host',
      'host A 192.0.2.7',
      'host AAAA 2001:db8::7',
    ].join('\n'),
  });
  const found: unknown[] = [];
  for (const address of ['198.51.100.1', '192.0.2.7', '2001:db8::7', '192.0.2.8']) {
    const { result, mechanism } = await checkSpf({
      lookups: lookups(),
      address,
      helo: 'mail.a.test',
      reversePath: { localPart: 'ann', domain: 'a.test' },
      hostname: 'mx.r.example',
    });
    found.push([result, mechanism]);
  }
  expect(found).toEqual([
    ['pass', 'include:other.b.test'],
    ['pass', 'mx:host.b.test'],
    ['pass', 'mx:host.b.test'],
    ['fail', '-all'],
  ]);
});

test('DKIM takes keys that need TCP, aliases and selectors in any letters', async () => {
  const usual = makeRsaKey(2048);
  const lookups = await lookupsIn({
    'a.test': [
      // More than one UDP packet holds.
      `long._domainkey TXT ${txt(`v=DKIM1; n=${'x'.repeat(2000)}; p=${usual.published}`)}`,
      `usual._domainkey TXT ${txt(`v=DKIM1; p=${usual.published}`)}`,
      'alias._domainkey CNAME usual._domainkey',
      'gone._domainkey TXT "v=DKIM1; p="',
    ].join('\n'),
  });
  const d = 'a.test';
  const signed = (['gone', 'none', 'ALIAS', 'Usual'] as const).reduce(
    (text: string, s) => sign(text, usual, { d, s }),
    sign(MESSAGE, usual, { d, s: 'long' }),
  );
  const { dkim } = await judgeSignatures(signed, { lookups: lookups() });
  expect(dkim.map(({ selector, result, reason }) => [selector, result, reason])).toEqual([
    ['usual', 'pass', undefined],
    ['alias', 'pass', undefined],
    ['none', 'permerror', 'no key'],
    ['gone', 'permerror', 'the key is revoked'],
    ['long', 'pass', undefined],
  ]);
});

test('DNS that is dead makes nothing pass and nothing fail', async () => {
  const resolver = untilTestEnds(createResolver({ servers: ['127.0.0.1:1'] }));
  const lookups = (): MailLookups => resolver.forMail(performance.now() + 500);
  const key = makeRsaKey(1024);
  const { dkim } = await judgeSignatures(sign(MESSAGE, key), { lookups: lookups() });
  expect(dkim.map(({ result }) => result)).toEqual(['temperror']);
  const { result } = await checkSpf({
    lookups: lookups(),
    address: '192.0.2.1',
    helo: 'mail.a.test',
    reversePath: { localPart: 'ann', domain: 'a.test' },
    hostname: 'mx.r.example',
  });
  expect(result).toBe('temperror');
});
