// Messages signed and sealed by programs that are not ours: opendkim and python3-dkim from Debian.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { missing } from '../../support/programs.ts';
import type { Zone } from '../../support/zone-lookups.ts';
import { crlf, judgeSignatures } from './judge.ts';
import { opendkimZone, signByOpendkim } from './opendkim.ts';
import { type Job, keyZone, missingPython, signByPython } from './python-signer.ts';

const FORMS = ['simple/simple', 'simple/relaxed', 'relaxed/simple', 'relaxed/relaxed'] as const;

const HEADER = `From: "Ann  Example" <ann@signer.example>
To: Bob <bob@receiver.example>,
\tCarol <carol@receiver.example>
Subject: Two  spaces,
 folded\t and a tab ${''}
Date: Mon, 02 Nov 2026 10:00:00 +0000
Message-ID: <1@signer.example>
MIME-Version: 1.0
`;
const bodies = {
  'a body with white space': 'Hello  world \t\n\n \n\ttab\tand  spaces   \nend\n\n\n',
  'no body': '',
  'empty lines': '\n\n\n',
  'lines of white space': ' \n\t\n',
  '200,000 octets': `${'QmFzZTY0'.repeat(9)}\n`.repeat(2700),
};
const messages = Object.entries(bodies).map(
  ([name, body]) => [name, crlf(`${HEADER}\n${body}`)] as const,
);
/** One octet at a time for the first, then what sockets give. */
const CUTS = [[], [1], [1460], [7, 1000, 2]];
const cutsFor = (message: string | Buffer): readonly (readonly number[])[] =>
  message.length < 10_000 ? CUTS : [[], [1460]];

describe('a message signed by opendkim', () => {
  const absent = missing('opendkim');
  beforeEach(({ skip }) => skip(absent !== undefined, absent));
  const cases = messages.flatMap(([name, message]) =>
    FORMS.map((form) => [name, form, message] as const),
  );

  test.skipIf(absent !== undefined).each(cases)(
    `passes: %s, %s${absent === undefined ? '' : ` (${absent})`}`,
    async (_, form, message) => {
      const signed = await signByOpendkim(Buffer.from(message), [`Canonicalization ${form}`]);
      for (const spans of cutsFor(signed)) {
        const { dkim } = await judgeSignatures(signed, { zone: opendkimZone, spans });
        expect(dkim).toMatchObject([{ result: 'pass', domain: 'signer.example', selector: 'sel' }]);
      }
      const altered = Buffer.concat([signed, Buffer.from('x\r\n')]);
      const { dkim } = await judgeSignatures(altered, { zone: opendkimZone });
      expect(dkim).toMatchObject([{ result: 'fail', reason: 'the body was altered' }]);
    },
  );

  test('passes until it expires', async () => {
    const message = Buffer.from(messages[0]?.[1] ?? '');
    const signed = await signByOpendkim(message, ['SignatureTTL 3600']);
    const at = async (now: number): Promise<unknown> =>
      (await judgeSignatures(signed, { zone: opendkimZone, now })).dkim;
    expect(await at(Date.now())).toMatchObject([{ result: 'pass' }]);
    expect(await at(Date.now() + 3_700_000)).toMatchObject([
      { result: 'permerror', reason: 'the signature has expired' },
    ]);
  });
});

/** The sealer takes what became of the chain before from there. */
const results = (server: string, arc: string): string =>
  `Authentication-Results: ${server}; spf=pass smtp.mailfrom=signer.example; arc=${arc}\r\n`;
const ARC_SIGNERS = ['relay.example', 'second.example', 'third.example'];

describe('a message signed by python3-dkim', async () => {
  const absent = await missingPython();
  beforeEach(({ skip }) => skip(absent !== undefined, absent));
  const names = ['From', 'To', 'Subject', 'Date', 'Message-ID'];
  const sign = { selector: 's', domain: 'signer.example' };
  const one = messages[0]?.[1] ?? '';
  const jobs: Record<string, Job> = {};
  for (const [name, message] of messages) {
    for (const canonicalization of FORMS) {
      for (const algorithm of ['rsa-sha256', 'ed25519-sha256'] as const) {
        const selector = algorithm === 'rsa-sha256' ? 's' : 'ed';
        const step = { sign: { ...sign, selector, canonicalization, algorithm, names } };
        jobs[`${name}, ${canonicalization}, ${algorithm}`] = { message, steps: [step] };
      }
    }
  }
  const special: Record<string, Job> = {
    oversigned: {
      message: one,
      steps: [{ sign: { ...sign, names: [...names, 'From', 'Subject', 'Cc', 'X-Absent'] } }],
    },
    'an identity below the domain': {
      message: one,
      steps: [{ sign: { ...sign, identity: 'user=ann@sub.signer.example' } }],
    },
    'l=': { message: one, steps: [{ sign: { ...sign, length: true } }] },
    sha1: { message: one, steps: [{ sign: { ...sign, algorithm: 'rsa-sha1' } }] },
    'three signers': {
      message: one,
      steps: [
        { sign: { ...sign, canonicalization: 'relaxed/simple' } },
        { sign: { ...sign, selector: 'ed', algorithm: 'ed25519-sha256' } },
        { sign: { ...sign, domain: 'other.example' } },
      ],
    },
  };
  for (const count of [1, 2, 3]) {
    special[`arc ${count}`] = {
      message: one,
      steps: ARC_SIGNERS.slice(0, count).flatMap((domain, index) => [
        { prepend: results(`mx.${domain}`, index === 0 ? 'none' : 'pass') },
        { seal: { selector: 's', domain, server: `mx.${domain}` } },
      ]),
    };
  }
  const signed = new Map<string, string>();
  let zone: Zone = {};

  beforeAll(async () => {
    if (absent !== undefined) return;
    const all = Object.entries({ ...jobs, ...special });
    const answer = await signByPython(all.map(([, job]) => job));
    for (const [index, [name]] of all.entries()) signed.set(name, answer.signed[index] ?? '');
    const { rsaRecord } = answer;
    zone = keyZone({
      's signer.example': rsaRecord,
      'ed signer.example': answer.ed25519Record,
      's other.example': rsaRecord,
      ...Object.fromEntries(ARC_SIGNERS.map((domain) => [`s ${domain}`, rsaRecord])),
    });
  });

  test.each(Object.keys(jobs))('passes: %s', async (name) => {
    const message = signed.get(name) ?? '';
    for (const spans of cutsFor(message)) {
      const { dkim } = await judgeSignatures(message, { zone, spans });
      expect(dkim).toMatchObject([{ result: 'pass', domain: 'signer.example' }]);
      expect(dkim[0]?.partial).toBeUndefined();
    }
    const { dkim } = await judgeSignatures(message.replace('Subject:', 'Subject: x'), { zone });
    expect(dkim).toMatchObject([{ result: 'fail', reason: 'the signature does not match' }]);
  });

  test('that is oversigned passes until a field of a signed name is added', async () => {
    const message = signed.get('oversigned') ?? '';
    expect((await judgeSignatures(message, { zone })).dkim).toMatchObject([{ result: 'pass' }]);
    for (const added of ['From: x@evil.example\r\n', 'Cc: x\r\n', 'X-Absent: x\r\n']) {
      expect((await judgeSignatures(added + message, { zone })).dkim).toMatchObject([
        { result: 'fail' },
      ]);
    }
    const other = `X-Other: x\r\n${message}`;
    expect((await judgeSignatures(other, { zone })).dkim).toMatchObject([{ result: 'pass' }]);
  });

  test('has the identity of i=', async () => {
    const message = signed.get('an identity below the domain') ?? '';
    expect((await judgeSignatures(message, { zone })).dkim).toMatchObject([
      { result: 'pass', identity: 'user=ann@sub.signer.example' },
    ]);
  });

  test('with l= is partial as soon as there is more than it covers', async () => {
    const message = signed.get('l=') ?? '';
    const [whole] = (await judgeSignatures(message, { zone })).dkim;
    expect(whole).toMatchObject({ result: 'pass' });
    expect(whole?.partial).toBeUndefined();
    const [more] = (await judgeSignatures(`${message}Send money to evil.example\r\n`, { zone }))
      .dkim;
    expect(more).toMatchObject({ result: 'pass', partial: true });
    const [less] = (await judgeSignatures(message.slice(0, -20), { zone })).dkim;
    expect(less).toMatchObject({ result: 'fail' });
  });

  test('by rsa-sha1 is refused by policy', async () => {
    expect((await judgeSignatures(signed.get('sha1') ?? '', { zone })).dkim).toMatchObject([
      { result: 'policy', domain: 'signer.example', algorithm: 'rsa-sha1' },
    ]);
  });

  test('by three signers has three results, from the top', async () => {
    const { dkim } = await judgeSignatures(signed.get('three signers') ?? '', { zone });
    expect(dkim.map(({ result, domain, selector }) => [result, domain, selector])).toEqual([
      ['pass', 'other.example', 's'],
      ['pass', 'signer.example', 'ed'],
      ['pass', 'signer.example', 's'],
    ]);
  });

  test.each([1, 2, 3])('and sealed %i times has a chain that passes', async (count) => {
    const message = signed.get(`arc ${count}`) ?? '';
    const sealers = ARC_SIGNERS.slice(0, count).reverse();
    for (const spans of cutsFor(message)) {
      const { arc } = await judgeSignatures(message, { zone, spans });
      expect(arc).toEqual({
        result: 'pass',
        instances: count,
        sealer: sealers[0],
        sealers,
        trusted: false,
      });
    }
    const { arc } = await judgeSignatures(`${message}x`, { zone });
    expect(arc).toMatchObject({
      result: 'fail',
      reason: 'ARC-Message-Signature: the body was altered',
    });
  });

  test('and sealed by one who is trusted has the results of that one', async () => {
    const message = signed.get('arc 2') ?? '';
    const judge = async (arcTrusted: string[]): Promise<unknown> =>
      (await judgeSignatures(message, { zone, arcTrusted })).arc;
    expect(await judge(['Second.Example'])).toMatchObject({
      trusted: true,
      results: expect.stringMatching(
        /^mx\.second\.example; spf=pass smtp\.mailfrom=signer\.example/,
      ),
    });
    // An older sealer, and a domain above.
    expect(await judge(['relay.example', 'example'])).toMatchObject({ trusted: false });
  });
});
