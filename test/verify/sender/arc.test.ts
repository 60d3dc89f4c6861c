// What a chain of ARC sets says, and when it is believed.
import { describe, expect, test } from 'vitest';
import type { ArcResult } from '../../../src/verify/sender/arc/arc-result.ts';
import { MOST_SETS } from '../../../src/verify/sender/arc/arc-sets.ts';
import { type Zone, ZoneLookups } from '../../support/zone-lookups.ts';
import { judgeSignatures } from './judge.ts';
import { seal } from './mailauth.ts';
import { makeRsaKey, sealFirst } from './reference-signer.ts';

const key = makeRsaKey();
const record = `v=DKIM1; p=${key.published}`;
const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const zone: Zone = {
  's._domainkey.a.example TXT': [record],
  's._domainkey.b.example TXT': [record],
  'dead._domainkey.a.example TXT': { kind: 'failed', reason: 'timeout' },
};
const MESSAGE = 'From: ann@a.example\r\nSubject: x\r\n\r\nbody\r\n';

async function judge(message: string, arcTrusted: readonly string[] = []): Promise<ArcResult> {
  return (await judgeSignatures(message, { zone, arcTrusted })).arc;
}

describe('a chain', () => {
  const sealed = sealFirst(MESSAGE, key);
  const rows: readonly (readonly [name: string, message: string, result: Partial<ArcResult>])[] = [
    ['is not there', MESSAGE, { result: 'none', instances: 0 }],
    [
      'passes',
      sealed,
      { result: 'pass', instances: 1, sealer: 'a.example', sealers: ['a.example'] },
    ],
    ['fails for another body', `${sealed}x\r\n`, { result: 'fail' }],
    ['fails for other results', sealed.replace('dmarc=pass', 'dmarc=fail'), { result: 'fail' }],
    [
      'fails without a seal',
      sealed.replace('ARC-Seal', 'X-Seal'),
      { result: 'fail', reason: 'i=1: the set is not complete' },
    ],
    [
      'fails with a set twice',
      sealed.replace('ARC-Authentication', 'ARC-Seal: i=1; x=y\r\nARC-Authentication'),
      { result: 'fail', reason: 'two fields arc-seal i=1' },
    ],
    ['fails with instance 0', sealed.replace('ARC-Seal: i=1', 'ARC-Seal: i=0'), { result: 'fail' }],
    [
      'fails with instance 51',
      sealed.replace('ARC-Seal: i=1', 'ARC-Seal: i=51'),
      { result: 'fail' },
    ],
    ['fails from instance 2 on', sealed.replaceAll(' i=1;', ' i=2;'), { result: 'fail' }],
    [
      'fails where the first seal says pass',
      sealFirst(MESSAGE, key, { seal: { cv: 'pass' } }),
      { result: 'fail', reason: 'i=1: cv= is not none' },
    ],
    [
      'fails where a seal has h=',
      sealFirst(MESSAGE, key, { seal: { h: 'from' } }),
      { result: 'fail' },
    ],
    [
      'fails where a seal is covered by h=',
      sealFirst(MESSAGE, key, { signature: { h: 'from:arc-seal' } }),
      { result: 'fail' },
    ],
    [
      'fails without From in h=',
      sealFirst(MESSAGE, key, { signature: { h: 'subject' } }),
      { result: 'fail' },
    ],
    ['fails by rsa-sha1', sealFirst(MESSAGE, key, { seal: { a: 'rsa-sha1' } }), { result: 'fail' }],
    [
      'fails without a key',
      sealFirst(MESSAGE, key, { seal: { s: 'absent' } }),
      { result: 'fail', reason: 'ARC-Seal i=1: no key' },
    ],
    [
      'is unknown where DNS does not answer',
      sealFirst(MESSAGE, key, { seal: { s: 'dead' } }),
      { result: 'temperror', reason: 'ARC-Seal i=1: DNS: timeout' },
    ],
    [
      'fails for another body whatever DNS says',
      `${sealFirst(MESSAGE, key, { seal: { s: 'dead' } })}x`,
      { result: 'fail' },
    ],
  ];

  test.each(rows)('%s', async (_, message, result) => {
    expect(await judge(message, ['a.example'])).toMatchObject(result);
  });

  test('of more sets than are judged is a permerror, and no key is asked for', async () => {
    let message = MESSAGE;
    const seen: ArcResult[] = [];
    for (let i = 1; i <= MOST_SETS + 1; i += 1) {
      message = await seal(message, {
        signingDomain: 'a.example',
        selector: 's',
        privateKey: pem,
        i,
        cv: i === 1 ? 'none' : 'pass',
        authResults: 'mx.a.example; none',
      });
      if (i >= MOST_SETS) seen.push(await judge(message));
    }
    expect(seen.map(({ result, instances }) => [result, instances])).toEqual([
      ['pass', MOST_SETS],
      ['permerror', MOST_SETS + 1],
    ]);
    const lookups = new ZoneLookups(zone);
    await judgeSignatures(message, { lookups });
    expect(lookups.asked).toEqual([]);
  });

  test('has its keys asked for with those of the signatures, each once', async () => {
    const lookups = new ZoneLookups(zone);
    const message = sealFirst(MESSAGE, key, { signature: { d: 'b.example' } });
    expect((await judgeSignatures(message, { lookups })).arc.result).toBe('pass');
    expect(lookups.asked).toEqual(['s._domainkey.b.example TXT', 's._domainkey.a.example TXT']);
  });

  test('is not judged where ARC is off', async () => {
    const lookups = new ZoneLookups(zone);
    const { arc } = await judgeSignatures(sealed, { arc: false, lookups });
    expect([arc, lookups.asked]).toEqual([{ result: 'none', instances: 0, trusted: false }, []]);
  });
});

describe('a sealer is believed', () => {
  const trusted = ['a.example'];

  test('if it is trusted', async () => {
    expect(await judge(sealFirst(MESSAGE, key), trusted)).toMatchObject({
      trusted: true,
      results: 'mx.a.example; dmarc=pass header.from=a.example',
    });
  });

  test.each([
    ['for nobody by default', sealFirst(MESSAGE, key), []],
    ['but none below a trusted domain', sealFirst(MESSAGE, key), ['example']],
    [
      'but not over a body that it covers in part',
      sealFirst(MESSAGE, key, { signature: { l: '1' } }),
      trusted,
    ],
    [
      'but not with a message signature of another',
      sealFirst(MESSAGE, key, { signature: { d: 'b.example' } }),
      trusted,
    ],
    ['but not of a chain that fails', `${sealFirst(MESSAGE, key)}x`, trusted],
  ])('%s', async (_, message, domains) => {
    const result = await judge(message, domains);
    expect(result.trusted).toBe(false);
    expect(result.results).toBeUndefined();
  });
});
