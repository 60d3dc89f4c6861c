// Our verdicts beside those of mailauth in its strict mode, over messages signed and sealed, then altered. Where they differ
// the reason is here.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ArcResult } from '../../src/verify/sender/arc/arc-result.ts';
import type { DkimResult } from '../../src/verify/sender/dkim/dkim-result.ts';
import type { Zone } from '../support/zone-lookups.ts';
import { runs } from './runs.ts';
import { judgeSignatures } from '../verify/sender/judge.ts';
import { judgeByMailauth, seal } from '../verify/sender/mailauth.ts';
import {
  canonicalBody,
  makeEd25519Key,
  makeRsaKey,
  sign,
  type Tags,
} from '../verify/sender/reference-signer.ts';

const rsa = makeRsaKey(1024);
const ed25519 = makeEd25519Key();
const strict = makeRsaKey(1024);
const NOW = 1_800_000_000_000;

const zone: Zone = {
  's._domainkey.a.example TXT': [`v=DKIM1; k=rsa; p=${rsa.published}`],
  'ed._domainkey.a.example TXT': [`v=DKIM1; k=ed25519; p=${ed25519.published}`],
  'strict._domainkey.a.example TXT': [`v=DKIM1; t=s; p=${strict.published}`],
  'revoked._domainkey.a.example TXT': ['v=DKIM1; p='],
  'other._domainkey.a.example TXT': ['v=DKIM1; h=sha1; p=AAAA'],
  'dead._domainkey.a.example TXT': { kind: 'failed', reason: 'timeout' },
  's._domainkey.relay.example TXT': [`v=DKIM1; k=rsa; p=${rsa.published}`],
};
const keys = { s: rsa, ed: ed25519, strict, revoked: rsa, other: rsa, dead: rsa, absent: rsa };

const line = fc
  .array(fc.constantFrom('word', ' ', '  ', '\t', 'x', '=', ';', '\xc3\xa9', '\0'), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''));
const field = fc
  .tuple(
    fc.constantFrom('Subject', 'X-One', 'To', 'received', 'From'),
    fc.array(line, { minLength: 1, maxLength: 3 }),
  )
  .map(([name, lines]) => `${name}: ${lines.join('\r\n ')}\r\n`);
const message = fc
  .tuple(fc.array(field, { maxLength: 5 }), fc.array(line, { maxLength: 8 }))
  .map(([fields, lines]) => `From: ann@a.example\r\n${fields.join('')}\r\n${lines.join('\r\n')}`);

const tags: fc.Arbitrary<Tags & { readonly s: keyof typeof keys }> = fc.record(
  {
    s: fc.constantFrom(...(Object.keys(keys) as (keyof typeof keys)[]), 's', 's', 's', 'ed'),
    c: fc.constantFrom(
      'simple/simple',
      'simple/relaxed',
      'relaxed/simple',
      'relaxed/relaxed',
      'relaxed',
      'simple',
    ),
    h: fc.constantFrom(
      'from',
      'From:Subject',
      'from:from:subject:to:to',
      'from:x-one:received',
      'subject',
      '',
    ),
    l: fc.constantFrom('0', '3', '10', 'x'),
    i: fc.constantFrom(
      '@a.example',
      'ann@sub.a.example',
      'ann@b.example',
      '"a b"@a.example',
      'nobody',
    ),
    t: fc.constantFrom('1700000000', 'x'),
    x: fc.constantFrom('1700000001', '1900000000', '1600000000'),
    q: fc.constantFrom('dns/txt', 'dns/other', 'dns/other:dns/txt'),
    v: fc.constantFrom('1', '2'),
    n: fc.constantFrom('note', 'b=x'),
  },
  { requiredKeys: ['s', 'c'] },
);

/** What may happen to a message under way. */
const alteration = fc.oneof(
  { weight: 4, arbitrary: fc.constant((text: string) => text) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom('', 'x', ' ', 'A', ';', '\r\n', ' \r\n '),
      )
      .map(([where, inserted]) => (text: string) => {
        const at = Math.floor(where * text.length);
        return text.slice(0, at) + inserted + text.slice(at + (inserted.length % 2));
      }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      (text: string) => `X-Added: x\r\n${text}`,
      (text: string) => `From: b@b.example\r\n${text}`,
      (text: string) => `${text}\r\n\r\n`,
      (text: string) => `${text}\r\nmore`,
      (text: string) => text.replace(/ +/g, ' '),
      (text: string) => text.replace('\r\n\r\n', '\r\nX-Low: x\r\n\r\n'),
    ),
  },
);

/** Theirs by ours: they have no permerror, and what cannot be read is neutral (RFC 8601 allows both). */
const SAME: Readonly<Record<DkimResult['result'], string>> = {
  pass: 'pass',
  fail: 'fail',
  policy: 'policy',
  neutral: 'neutral',
  permerror: 'neutral',
  temperror: 'temperror',
};

/** Bare line ends, and lines that are no fields, are read differently on purpose. */
function isLikeMail(text: string): boolean {
  const [header = ''] = text.split('\r\n\r\n');
  return (
    !/(?<!\r)\n|\r(?!\n)/.test(text) &&
    !text.startsWith('\r\n') &&
    header.split('\r\n').every((each) => /^(?:[ \t]|[!-9;-~]+:)/.test(each)) &&
    !/^[ \t]/.test(header)
  );
}

test('DKIM results are those of mailauth', async () => {
  let passed = 0;
  await fc.assert(
    fc.asyncProperty(
      message,
      fc.array(tags, { minLength: 1, maxLength: 3 }),
      alteration,
      async (text, all, alter) => {
        const signed = all.reduce((each, given) => sign(each, keys[given.s], given), text);
        const altered = alter(signed);
        fc.pre(isLikeMail(altered));
        const body = altered.slice(altered.indexOf('\r\n\r\n') + 4);
        const ours = await judgeSignatures(altered, { zone, now: NOW });
        const theirs = await judgeByMailauth(altered, { zone, now: NOW });
        expect(ours.dkim.length).toBe(theirs.dkim.length);
        for (const [index, { result, reason, partial, selector }] of ours.dkim.entries()) {
          const other = theirs.dkim[index];
          // RFC 6376 section 3.5: l= must not be larger than the body. They hash what there is.
          if (reason === 'l= is longer than the body') continue;
          expect([selector, reason, SAME[result]]).toEqual([
            selector,
            reason,
            other?.status.result,
          ]);
          if (result !== 'pass') continue;
          passed += 1;
          expect(partial === true).toBe((other?.status.underSized ?? 0) > 0);
          expect(canonicalBody(body, 'simple').length).toBeGreaterThan(0);
        }
      },
    ),
    runs(150),
  );
  expect(passed).toBeGreaterThan(0);
});

const pem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** They know no temperror: all that is no pass is fail (RFC 8617 section 5.2). */
const SAME_ARC: Readonly<Record<ArcResult['result'], string>> = {
  none: 'none',
  pass: 'pass',
  fail: 'fail',
  temperror: 'fail',
  permerror: 'fail',
};

test('ARC results are those of mailauth', async () => {
  const seen = new Set<string>();
  const sealer = fc.record({
    signingDomain: fc.constantFrom('relay.example', 'relay.example', 'relay.example', 'a.example'),
    selector: fc.constantFrom('s', 's', 's', 's', 's', 's', 'absent', 'dead'),
    cv: fc.constantFrom('right', 'right', 'right', 'right', 'right', 'fail'),
  });
  const swap = (from: RegExp, to: string) => (text: string) => text.replace(from, to);
  const harm = fc.oneof(
    { weight: 3, arbitrary: alteration },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        swap(/ARC-Seal: i=1/, 'ARC-Seal: i=2'),
        swap(/ARC-Seal: i=1/, 'ARC-Seal: i=0'),
        swap(/ARC-Authentication-Results: i=1/, 'ARC-Authentication-Results: j=1'),
        swap(/^ARC-Message-Signature/m, 'X-Message-Signature'),
        swap(/cv=none/, 'cv=pass'),
        swap(/cv=none/, 'cv=none; h=from'),
        swap(/spf=pass/, 'spf=fail'),
        swap(/a=rsa-sha256/, 'a=rsa-sha1'),
      ),
    },
  );
  await fc.assert(
    fc.asyncProperty(
      message,
      fc.array(sealer, { maxLength: 3 }),
      harm,
      async (text, sealers, alter) => {
        let sealed = text;
        for (const [index, { signingDomain, selector, cv }] of sealers.entries()) {
          sealed = await seal(sealed, {
            signingDomain,
            selector,
            privateKey: pem,
            i: index + 1,
            cv: cv === 'fail' && index > 0 ? 'fail' : index === 0 ? 'none' : 'pass',
            authResults: 'mx.relay.example; spf=pass smtp.mailfrom=a.example',
          });
        }
        const altered = alter(sealed);
        fc.pre(isLikeMail(altered));
        const ours = await judgeSignatures(altered, { zone, now: NOW });
        const theirs = await judgeByMailauth(altered, { zone, now: NOW });
        expect([ours.arc.reason, SAME_ARC[ours.arc.result]]).toEqual([ours.arc.reason, theirs.arc]);
        seen.add(ours.arc.result);
      },
    ),
    runs(80),
  );
  expect(seen).toContain('pass');
  expect(seen).toContain('fail');
});
