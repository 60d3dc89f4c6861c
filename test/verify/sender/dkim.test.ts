// What a signature proves, row by row, over messages signed by a signer of the tests that makes also what none should.
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { HEADER_SECTION_OCTETS } from '../../../src/message/header-section.ts';
import type { DnsAnswer } from '../../../src/verify/dns/resolver.ts';
import type { DkimResult } from '../../../src/verify/sender/dkim/dkim-result.ts';
import { KeyCache } from '../../../src/verify/sender/dkim/key-cache.ts';
import { MOST_FIELD_NAMES } from '../../../src/verify/sender/dkim/signature.ts';
import {
  MOST_FIELDS,
  MOST_SIGNATURES,
  SignatureCheck,
} from '../../../src/verify/sender/dkim/signature-check.ts';
import { HeaderCollector } from '../../../src/verify/sender/header/header-octets.ts';
import { type Zone, ZoneLookups } from '../../support/zone-lookups.ts';
import { judgeSignatures } from './judge.ts';
import { makeEd25519Key, makeRsaKey, sign, type Tags, type TestKey } from './reference-signer.ts';

const rsa = makeRsaKey();
const ed25519 = makeEd25519Key();
const NAME = 's._domainkey.a.example TXT';
const record = (key: TestKey, before = 'v=DKIM1; '): string =>
  `${before}k=${key.algorithm.split('-')[0]}; p=${key.published}`;
const zone: Zone = { [NAME]: [record(rsa)] };

const MESSAGE = 'From: ann@a.example\r\nSubject: one  two\r\n\r\nline  one \r\nline two\r\n\r\n';

async function judgeOne(message: string | Buffer, inZone: Zone = zone): Promise<DkimResult> {
  const { dkim } = await judgeSignatures(message, { zone: inZone });
  expect(dkim.length).toBe(1);
  return dkim[0] as DkimResult;
}

describe('a signature', () => {
  const rows: readonly (readonly [name: string, tags: Tags, result: Partial<DkimResult>])[] = [
    ['passes', {}, { result: 'pass' }],
    ['in simple form', { c: 'simple/simple' }, { result: 'pass' }],
    ['without a form of the body is simple', { c: 'relaxed' }, { result: 'pass' }],
    ['of an algorithm in capitals', { a: 'RSA-SHA256' }, { result: 'pass' }],
    ['with unknown tags', { z: 'From:x|Subject:y', foo: 'b=c' }, { result: 'pass' }],
    ['with d= in capitals', { d: 'A.EXAMPLE' }, { result: 'pass', domain: 'a.example' }],
    ['with white space in h=', { h: 'from :\r\n subject' }, { result: 'pass' }],
    ['that covers a field that is not there', { h: 'from:subject:cc:cc' }, { result: 'pass' }],
    ['that covers From twice', { h: 'from:subject:from' }, { result: 'pass' }],
    ['with several methods', { q: 'dns/other:dns/txt' }, { result: 'pass' }],
    ['with an identity', { i: 'a=40b@mail.a.example' }, { identity: 'a@b@mail.a.example' }],
    // RFC 8301 section 3.1.
    ['by rsa-sha1', { a: 'rsa-sha1' }, { result: 'policy', reason: 'a= is rsa-sha1' }],
    ['of version 2', { v: '2' }, { result: 'neutral' }],
    ['of an unknown algorithm', { a: 'dsa-sha256' }, { result: 'neutral' }],
    ['of an unknown form', { c: 'nowsp/simple' }, { result: 'neutral' }],
    ['of three forms', { c: 'simple/simple/simple' }, { result: 'neutral' }],
    ['with an empty name in h=', { h: 'from::subject' }, { result: 'neutral' }],
    [
      'that does not cover From',
      { h: 'subject' },
      { result: 'permerror', reason: 'From is not signed' },
    ],
    ['with a method that is unknown', { q: 'http' }, { result: 'neutral' }],
    ['with b= that is not base64', { b: '!!!' }, { result: 'neutral' }],
    ['with bh= that is not base64', { bh: '(x)' }, { result: 'neutral' }],
    ['with an identity of another domain', { i: '@b.example' }, { result: 'permerror' }],
    ['with an identity of a domain that ends alike', { i: '@aa.example' }, { result: 'permerror' }],
    ['with an identity without @', { i: 'a.example' }, { result: 'neutral' }],
    ['with d= of one label', { d: 'example' }, { result: 'neutral', domain: '' }],
    ['with d= that ends in a dot', { d: 'a.example.' }, { result: 'neutral', domain: '' }],
    [
      'that expired',
      { t: '1', x: '2' },
      { result: 'permerror', reason: 'the signature has expired' },
    ],
    ['that expires before it was made', { t: '9', x: '9' }, { result: 'neutral' }],
    ['with a time that is none', { x: 'soon' }, { result: 'neutral' }],
    ['with l= that is none', { l: '-1' }, { result: 'neutral' }],
    [
      'with l= longer than the body',
      { l: '1000' },
      { result: 'fail', reason: 'l= is longer than the body' },
    ],
    ['with l= of 76 digits', { l: '9'.repeat(76) }, { result: 'fail' }],
    ['that covers none of the body', { l: '0' }, { result: 'pass', partial: true }],
    ['that covers one octet of the body', { l: '1' }, { result: 'pass', partial: true }],
  ];

  test.each(rows)('%s', async (_, tags, result) => {
    expect(await judgeOne(sign(MESSAGE, rsa, tags))).toMatchObject(result);
  });

  test('with l= of the whole body is not partial', async () => {
    const length = 'line one\r\nline two\r\n'.length;
    const result = await judgeOne(sign(MESSAGE, rsa, { l: String(length) }));
    expect(result.result).toBe('pass');
    expect(result.partial).toBeUndefined();
  });

  test.each([
    ['twice the same tag', '; d=a.example'],
    ['an empty tag', ';; n=x'],
    ['a tag without a value', '; n'],
    ['a tag without a name', '; =x'],
  ])('that has %s cannot be read', async (_, added) => {
    const message = sign(MESSAGE, rsa).replace('; b=', `${added}; b=`);
    expect(await judgeOne(message)).toMatchObject({ result: 'neutral' });
  });

  test('has tags of one case: D= is not d=', async () => {
    expect(await judgeOne(sign(MESSAGE, rsa).replace(' d=', ' D='))).toMatchObject({
      result: 'neutral',
      domain: '',
    });
  });

  test('by Ed25519 passes (RFC 8463)', async () => {
    const result = await judgeOne(sign(MESSAGE, ed25519), { [NAME]: [record(ed25519)] });
    expect(result).toMatchObject({ result: 'pass', algorithm: 'ed25519-sha256' });
  });

  test('of a domain in UTF-8 is looked up as A-labels (RFC 8616)', async () => {
    const d = Buffer.from('bücher.example').toString('latin1');
    const result = await judgeOne(sign(MESSAGE, rsa, { d }), {
      's._domainkey.xn--bcher-kva.example TXT': [record(rsa)],
    });
    expect(result).toMatchObject({ result: 'pass', domain: 'xn--bcher-kva.example' });
  });
});

describe('what was altered fails', () => {
  const signed = sign(MESSAGE, rsa, { h: 'from:subject:from' });

  test.each([
    ['the body', signed.replace('line two', 'line three'), 'the body was altered'],
    ['a line at the end', `${signed}x\r\n`, 'the body was altered'],
    ['the subject', signed.replace('one  two', 'one two three'), 'the signature does not match'],
    [
      'a second From',
      signed.replace('Subject:', 'From: b@b.example\r\nSubject:'),
      'the signature does not match',
    ],
    ['a second From on top', `From: b@b.example\r\n${signed}`, 'the signature does not match'],
    [
      'a line that is no field behind a signed one',
      signed.replace('Subject', 'no field\r\nSubject'),
      'the signature does not match',
    ],
    ['a tag of the signature', signed.replace('v=1;', 'v=1; n=x;'), 'the signature does not match'],
  ])('%s', async (_, message, reason) => {
    expect(await judgeOne(message)).toMatchObject({ result: 'fail', reason, domain: 'a.example' });
  });

  test.each([
    ['a field that is not signed', signed.replace('Subject:', 'X-Other: x\r\nSubject:')],
    [
      'white space, in relaxed form',
      signed.replace('one  two', 'one \t two').replace('line  one', 'line one'),
    ],
    ['white space in front of a colon', signed.replace('From:', 'From \t:')],
    ['empty lines at the end', `${signed}\r\n\r\n`],
    ['a line that is no field behind one that is not signed', `X: y\r\nno field\r\n${signed}`],
    ['a line that is no field in front', `no field\r\n${signed}`],
    ['a byte order mark in front', `\xef\xbb\xbf${signed}`],
  ])('but not by %s', async (_, message) => {
    expect(await judgeOne(message)).toMatchObject({ result: 'pass' });
  });
});

// RFC 6376 knows only CRLF, and RFC 5322 no bare LF: a signer that hashed CRLF has not signed these octets.
describe('a bare LF is hashed as it was sent', () => {
  test.each(['simple/simple', 'relaxed/relaxed'])('%s', async (c) => {
    const message = 'From: ann@a.example\r\nSubject: x\r\n\r\none\ntwo \nthree\n\n\r\n';
    expect(await judgeOne(sign(message, rsa, { c }))).toMatchObject({ result: 'pass' });
    for (const other of ['one\r\ntwo', 'one two']) {
      const altered = sign(message, rsa, { c }).replace('one\ntwo', other);
      expect(await judgeOne(altered)).toMatchObject({ result: 'fail' });
    }
  });

  test('in the header section', async () => {
    const signed = sign(MESSAGE, rsa, { h: 'from:subject' });
    const altered = signed.replace('From: ann@a.example\r\n', 'From: ann@a.example\n');
    expect(await judgeOne(altered)).toMatchObject({ result: 'fail' });
    const folded = sign('From: ann@a.example\r\nSubject: x\r\n y\r\n\r\n', rsa);
    expect(await judgeOne(folded)).toMatchObject({ result: 'pass' });
    expect(await judgeOne(folded.replace('x\r\n y', 'x\n y'))).toMatchObject({ result: 'fail' });
  });
});

describe('the key', () => {
  const failed: DnsAnswer = { kind: 'failed', reason: 'servfail' };
  const dsa = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey;
  const other = dsa.export({ type: 'spki', format: 'der' }).toString('base64');
  const pkcs1 = (key: TestKey): string => {
    const der = Buffer.from(key.published, 'base64');
    // Behind the algorithm and the head of the BIT STRING.
    return der.subarray(24).toString('base64');
  };
  const p = rsa.published;
  const rows: readonly (readonly [
    name: string,
    answer: readonly string[] | DnsAnswer,
    result: Partial<DkimResult>,
  ])[] = [
    ['without a version', [record(rsa, '')], { result: 'pass' }],
    ['without a type is RSA', [`p=${p}`], { result: 'pass' }],
    ['as RSAPublicKey', [`k=rsa; p=${pkcs1(rsa)}`], { result: 'pass' }],
    [
      'in several strings with white space',
      [`v=DKIM1; p=${p.slice(0, 99)} \t${p.slice(99)};`],
      { result: 'pass' },
    ],
    ['that is tested', [`t=y:s; p=${p}`], { result: 'pass', testing: true }],
    ['for all services', [`s=*; p=${p}`], { result: 'pass' }],
    ['for email and more', [`s=tlsrpt:email; p=${p}`], { result: 'pass' }],
    ['behind a record that is none', ['v=spf1 -all', `p=${p}`], { result: 'pass' }],
    ['behind one of another type', [record(ed25519), `p=${p}`], { result: 'pass' }],
    ['that is not there', { kind: 'no-data' }, { result: 'permerror', reason: 'no key' }],
    ['of a name that is not there', { kind: 'no-name' }, { result: 'permerror', reason: 'no key' }],
    ['that DNS does not answer for', failed, { result: 'temperror', reason: 'DNS: servfail' }],
    ['that was revoked', ['v=DKIM1; p='], { result: 'permerror', reason: 'the key is revoked' }],
    ['of another type', [record(ed25519)], { result: 'permerror' }],
    ['of an unknown type', [`k=dsa; p=${p}`], { result: 'permerror' }],
    ['of a type that it is not', [`k=rsa; p=${other}`], { result: 'permerror' }],
    ['of version 2', [`v=DKIM2; p=${p}`], { result: 'permerror' }],
    ['with the version at the end', [`p=${p}; v=DKIM1`], { result: 'permerror' }],
    ['for SHA-1 only', [`h=sha1; p=${p}`], { result: 'permerror' }],
    ['for another service', [`s=tlsrpt; p=${p}`], { result: 'permerror' }],
    ['that is not base64', ['p=$$$'], { result: 'permerror' }],
    ['that is cut', [`p=${p.slice(0, 100)}`], { result: 'permerror' }],
    ['with a tag twice', [`p=${p}; p=${p}`], { result: 'permerror' }],
    ['of another domain', [record(makeRsaKey())], { result: 'fail' }],
    ['of 512 bits', [record(makeRsaKey(512))], { result: 'policy' }],
    [
      'of 9,000 bits',
      [`p=${longKey(9000)}`],
      { result: 'permerror', reason: 'the key is too long' },
    ],
    [
      'with an exponent of 512 octets',
      [`p=${longKey(3000, 3000)}`],
      { result: 'permerror', reason: 'the key is too long' },
    ],
    ['of 60,000 octets', [`p=${'A'.repeat(60_000)}`], { result: 'permerror' }],
  ];

  test.each(rows)('%s', async (_, answer, result) => {
    expect(await judgeOne(sign(MESSAGE, rsa), { [NAME]: answer })).toMatchObject(result);
  });

  test('with t=s is not for a subdomain', async () => {
    const strict = { [NAME]: [`t=s; p=${p}`] };
    const below = sign(MESSAGE, rsa, { i: '@mail.a.example' });
    expect(await judgeOne(below, strict)).toMatchObject({ result: 'permerror' });
    expect(await judgeOne(sign(MESSAGE, rsa), strict)).toMatchObject({ result: 'pass' });
  });

  test('is not asked for where DNS cannot have its name: a forgery is not a failure of DNS', async () => {
    for (const s of [
      'x'.repeat(64),
      'a..b',
      'a b',
      '*',
      'a\0b',
      `${'x.'.repeat(126)}x`,
      '.a',
      'a.',
    ]) {
      const lookups = new ZoneLookups({});
      const { dkim } = await judgeSignatures(sign(MESSAGE, rsa, { s }), { lookups });
      expect(dkim.map(({ result }) => result)).toEqual([
        expect.stringMatching(/^(?:neutral|permerror)$/),
      ]);
      expect(lookups.asked).toEqual([]);
    }
  });

  test('is not waited for where the body was altered', async () => {
    const message = sign(MESSAGE, rsa).replace('line two', 'line 2');
    expect(await judgeOne(message, { [NAME]: failed })).toMatchObject({ result: 'fail' });
  });

  test('that is long is verified with in a turn of its own', async () => {
    let isJudged = false;
    let turns = 0;
    const count = (): void => {
      turns += 1;
      if (!isJudged) setImmediate(count);
    };
    const names = Array.from({ length: 8 }, (_, n) => `s${n}`);
    const message = names.reduce((text, s) => sign(text, rsa, { s }), MESSAGE);
    const records = names.map((s) => [`${s}._domainkey.a.example TXT`, [`p=${longKey(5000)}`]]);
    setImmediate(count);
    const { dkim } = await judgeSignatures(message, { zone: Object.fromEntries(records) });
    isJudged = true;
    expect(dkim.map(({ result }) => result)).toEqual(names.map(() => 'fail'));
    expect(turns).toBeGreaterThanOrEqual(names.length - 1);
  });

  test('is read once, and again when it was forgotten', () => {
    const keys = new KeyCache(2);
    const texts = [1, 2, 3].map((n) => `n=${n}; p=${p}`);
    const [one, two, three] = texts.map((text) => keys.read(text));
    expect(keys.read(texts[2] ?? '')).toBe(three);
    expect(keys.read(texts[1] ?? '')).toBe(two);
    expect(keys.read(texts[0] ?? '')).not.toBe(one);
  });
});

/** A SubjectPublicKeyInfo with a modulus and an exponent of so many bits. */
function longKey(modulusBits: number, exponentBits = 17): string {
  const integer = (bits: number): string =>
    Buffer.concat([Buffer.from([1]), Buffer.alloc(Math.ceil(bits / 8) - 1, 0xff)]).toString(
      'base64url',
    );
  const jwk = { kty: 'RSA', n: integer(modulusBits), e: integer(exponentBits) };
  return createPublicKey({ key: jwk, format: 'jwk' })
    .export({ type: 'spki', format: 'der' })
    .toString('base64');
}

describe('the look-ups of the keys', () => {
  test('begin all at once when the header section is there, each name once', async () => {
    const asked: string[] = [];
    let isBodyWritten = false;
    const lookups = {
      count: 0,
      lookUp: (name: string, type: string): Promise<DnsAnswer> => {
        expect(isBodyWritten).toBe(false);
        asked.push(`${name} ${type}`);
        return Promise.resolve({ kind: 'records', records: [record(rsa)] });
      },
    };
    const message = [{ s: 'one' }, { s: 'two' }, { s: 'one' }, { d: 'b.example' }].reduce(
      (text: string, tags) => sign(text, rsa, tags),
      MESSAGE,
    );
    const check = new SignatureCheck({
      dkim: true,
      arc: true,
      lookups,
      keys: new KeyCache(),
      now: Date.now(),
    });
    const collector = new HeaderCollector();
    const octets = Buffer.from(message);
    const bodyStart = collector.write(octets);
    check.begin(collector.end());
    expect(asked).toEqual([
      's._domainkey.b.example TXT',
      'one._domainkey.a.example TXT',
      'two._domainkey.a.example TXT',
    ]);
    isBodyWritten = true;
    check.write(octets, bodyStart);
    const { dkim } = await check.end();
    expect(dkim.map(({ result }) => result)).toEqual(['pass', 'pass', 'pass', 'pass']);
  });
});

describe('a message over a limit', () => {
  const signed = sign(MESSAGE, rsa);
  const manyNames = `from:${'x:'.repeat(MOST_FIELD_NAMES)}subject`;

  test.each([
    ['names in h=', true, sign(MESSAGE, rsa, { h: manyNames })],
    ['octets in the header section', false, `X: ${'x'.repeat(HEADER_SECTION_OCTETS)}\r\n${signed}`],
    [
      'octets in one folded field',
      true,
      signed.replace('Subject:', `X: y\r\n${' y\r\n'.repeat(400_000)}Subject:`),
    ],
    ['fields', true, `${'X: y\r\n'.repeat(MOST_FIELDS)}${signed}`],
    ['mailboxes', true, signed.replace('ann@a.example', 'ann@a.example, '.repeat(40_000))],
  ])('has a permerror that says so: too many %s', async (_, isSeen, message) => {
    const lookups = new ZoneLookups(zone);
    const { dkim, arc } = await judgeSignatures(message, { lookups });
    expect(dkim.map(({ result, domain }) => [result, domain])).toEqual([
      ['permerror', isSeen ? 'a.example' : ''],
    ]);
    expect(dkim[0]?.reason).toMatch(/more than|too long/);
    // A signature may be too long by itself: the header section is not.
    expect(arc.result).toBe(dkim[0]?.reason?.startsWith('h=') === true ? 'none' : 'permerror');
    expect(lookups.asked).toEqual([]);
  });

  test('has so many signatures judged, those on top', async () => {
    const few = Array.from({ length: MOST_SIGNATURES + 2 }, (_, n) => `s${n}`);
    const message = few.reduce((text, s) => sign(text, rsa, { s }), MESSAGE);
    const lookups = new ZoneLookups({});
    const { dkim, unjudged } = await judgeSignatures(message, { lookups });
    expect(dkim.map(({ selector }) => selector)).toEqual(few.reverse().slice(0, MOST_SIGNATURES));
    expect(unjudged).toBe(2);
    expect(lookups.count).toBe(MOST_SIGNATURES);
  });

  test('below it passes', async () => {
    const fields = `${'X: y\r\n'.repeat(MOST_FIELDS - 10)}${signed}`;
    expect(await judgeOne(fields)).toMatchObject({ result: 'pass' });
    const h = `from:subject:${'x:'.repeat(MOST_FIELD_NAMES - 3)}y`;
    expect(await judgeOne(sign(MESSAGE, rsa, { h }))).toMatchObject({ result: 'pass' });
  });
});

test('each distinct l= has its own hash of one pass over the body', async () => {
  const lengths = ['0', '3', '8', '20', '10', '3', '19'];
  const message = lengths.reduce((text, l) => sign(text, rsa, { l }), MESSAGE);
  const { dkim } = await judgeSignatures(message, { zone, spans: [3] });
  expect(dkim.map(({ result, partial }) => [result, partial])).toEqual(
    lengths.reverse().map((l) => ['pass', l === '20' ? undefined : true]),
  );
});

test('nothing of a body of 30 MB is kept, whatever it holds', async () => {
  const span = Buffer.alloc(65_536);
  for (const content of ['base64', ' x', '\r\n', ' ', '\r']) {
    span.fill(content);
    const check = new SignatureCheck({
      dkim: true,
      arc: true,
      lookups: new ZoneLookups(zone),
      keys: new KeyCache(),
      now: Date.now(),
    });
    const signed = ['simple/simple', 'relaxed/relaxed'].reduce(
      (text, c) => sign(text, rsa, { c }),
      MESSAGE,
    );
    const collector = new HeaderCollector();
    collector.write(Buffer.from(signed));
    check.begin(collector.end());
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 460; count += 1) check.write(span);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(span.length);
    expect((await check.end()).dkim.map(({ result }) => result)).toEqual(['fail', 'fail']);
  }
});

test('a message without signatures has no results', async () => {
  const { dkim, unjudged, arc } = await judgeSignatures(MESSAGE);
  expect([dkim, unjudged, arc.result]).toEqual([[], 0, 'none']);
});

test('what is off is not judged', async () => {
  const lookups = new ZoneLookups(zone);
  const { dkim } = await judgeSignatures(sign(MESSAGE, rsa), { dkim: false, lookups });
  expect([dkim, lookups.asked]).toEqual([[], []]);
});
