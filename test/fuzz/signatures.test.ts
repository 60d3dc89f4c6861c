import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFields, readHeaderSection } from '../../src/message/header-section.ts';
import { readKeyRecord } from '../../src/verify/sender/dkim/key-record.ts';
import { fieldText, HeaderCollector } from '../../src/verify/sender/header/header-octets.ts';
import { readRawFields } from '../../src/verify/sender/header/raw-fields.ts';
import { ZoneLookups } from '../support/zone-lookups.ts';
import { judgeSignatures } from '../verify/sender/judge.ts';
import { makeRsaKey, sign } from '../verify/sender/reference-signer.ts';
import { runs } from './runs.ts';

const key = makeRsaKey(1024);
const record = `v=DKIM1; p=${key.published}`;
const signed = sign('From: a@a.example\r\nSubject: x\r\n\r\nbody\r\n', key);
const [signature = ''] = signed.split('\r\nFrom:');

const octet = fc.nat(255).map((code) => String.fromCharCode(code));
const piece = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      '\r\n',
      '\r\n',
      '\n',
      '\r',
      ' ',
      '\t',
      ':',
      ';',
      '=',
      '\xef\xbb\xbf',
    ),
  },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ...[
        'From: a@a.example\r\n',
        'From : a',
        'Subject: x\r\n',
        '\r\n y',
        'no field\r\n',
        '\r\n\r\n',
        'body',
      ],
      `${signature}\r\n`,
      signature,
      'DKIM-Signature:',
      ...[
        'v=1',
        'a=rsa-sha256',
        'd=a.example',
        's=s',
        'h=from',
        'b=',
        'bh=',
        'c=',
        'l=3',
        'x=9',
        'i=@',
        't=s',
      ],
      ...['ARC-Seal: i=1; ', 'ARC-Message-Signature: i=1; ', 'ARC-Authentication-Results: i=1; '],
      ...['i=2', 'i=51', 'cv=none', 'cv=pass', '(', ')', '\\', '"'],
    ),
  },
  { weight: 1, arbitrary: octet },
  {
    weight: 1,
    arbitrary: fc.constantFrom('x'.repeat(70_000), 'A: b\r\n'.repeat(1001), 'h:'.repeat(600)),
  },
);
const message = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));

test('any octets have well-formed results, within the number of look-ups, however cut', async () => {
  const zone = { 's._domainkey.a.example TXT': [record] };
  await fc.assert(
    fc.asyncProperty(message, fc.array(fc.integer({ min: 1, max: 2000 })), async (text, spans) => {
      const lookups = new ZoneLookups(zone);
      const whole = await judgeSignatures(text, { lookups, now: 1000 });
      // Ten signatures, an ARC-Message-Signature and ten seals.
      expect(lookups.count).toBeLessThanOrEqual(21);
      expect(whole.dkim.length).toBeLessThanOrEqual(10);
      for (const each of [...whole.dkim, whole.arc]) {
        expect(each.result).toMatch(/^(?:pass|fail|policy|neutral|permerror|none)$/);
        if (each.result !== 'pass' && each.result !== 'none') {
          expect(each.reason).toMatch(/^[\x20-\x7e]{1,200}$/);
        }
      }
      for (const { domain, selector, identity = '@', signature: start = '' } of whole.dkim) {
        expect(domain).toMatch(/^[a-z0-9_.-]{0,253}$/);
        expect(selector).toMatch(/^[a-z0-9_.-]{0,253}$/);
        expect(identity).toMatch(/^[\x20-\x7e]*@[\x20-\x7e]*$/);
        expect(start).toMatch(/^[A-Za-z0-9+/=]{0,8}$/);
      }
      expect(whole.arc.trusted).toBe(false);
      expect(await judgeSignatures(text, { zone, spans, now: 1000 })).toEqual(whole);
    }),
    runs(400),
  );
});

test('the header section of any octets is the one that is shown, however cut', () => {
  fc.assert(
    fc.property(message, fc.integer({ min: 1, max: 5000 }), (text, size) => {
      const octets = Buffer.from(text, 'latin1');
      const collector = new HeaderCollector();
      for (let at = 0; at < octets.length && collector.header === undefined; at += size) {
        collector.write(octets.subarray(at, at + size));
      }
      const header = collector.end();
      const shown = readHeaderSection(octets, true);
      expect(header.kind === 'over-bound').toBe(shown.truncated);
      expect(readHeaderSection(header.octets, header.kind === 'whole')).toEqual(shown);
      if (header.kind !== 'whole') return;
      const fields = parseFields(Buffer.from(fieldText(header), 'latin1'));
      const raw = readRawFields(fieldText(header), 100_000);
      expect(fields).toEqual(shown.fields);
      expect(raw.map(({ name }) => name)).toEqual(fields.map(({ name }) => name.toLowerCase()));
    }),
    runs(1000),
  );
});

test('any octets as a key record are a key or a reason', () => {
  const text = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          record,
          'v=DKIM1',
          ';',
          'p=',
          'k=rsa',
          'k=ed25519',
          ' ',
          'h=',
          's=',
          't=y',
          key.published,
        ),
        octet,
        fc.base64String({ maxLength: 400 }),
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (each) => {
      const read = readKeyRecord(each);
      if (!read.ok) expect(read.reason).toMatch(/^[\x20-\x7e]{1,200}$/);
    }),
    runs(2000),
  );
});
