// DMARC compared with mailauth's, which is of RFC 9989 too: random trees of records, domains and identifiers.
import { evaluateDmarc as evaluateByMailauth } from 'mailauth/lib/dmarc/index.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RecordType } from '../../../src/verify/dns/resolver.ts';
import { evaluateDmarc } from '../../../src/verify/sender/dmarc/dmarc.ts';
import { TreeWalks } from '../../../src/verify/sender/dmarc/tree-walk.ts';
import { ZoneLookups, type Zone } from '../../support/zone-lookups.ts';

const RUNS = Number(process.env['MAILSLUICE_DMARC_RUNS'] ?? 3000);

/** Few labels, so that domains are related. */
const label = fc.constantFrom('a', 'b', 'c');
const domain = fc
  .tuple(fc.array(label, { maxLength: 9 }), fc.constantFrom('example', 'test'))
  .map(([labels, top]) => [...labels, top].join('.'));
const policy = fc.constantFrom('none', 'quarantine', 'reject', 'Reject', 'block', '');
const tag = fc.oneof(
  { weight: 3, arbitrary: policy.map((value) => `p=${value}`) },
  policy.map((value) => `sp=${value}`),
  policy.map((value) => `np=${value}`),
  fc.constantFrom(
    'psd=y',
    'psd=n',
    'psd=u',
    'psd=Y',
    't=y',
    't=n',
    'adkim=s',
    'aspf=s',
    'adkim=r',
    'x=y',
    'P=none',
  ),
  fc.constantFrom(
    'rua=mailto:a@b.example',
    'rua=a@b.example',
    'rua=',
    'hello',
    ' p = reject ',
    'v=DMARC1',
  ),
);
const record = fc
  .tuple(
    fc.constantFrom(
      'v=DMARC1',
      'v=DMARC1',
      'v=DMARC1',
      ' v = DMARC1 ',
      'V=DMARC1',
      'v=dmarc1',
      'v=DMARC2',
      'v=spf1',
    ),
    fc.array(tag, { maxLength: 4 }),
    fc.constantFrom('', ';'),
  )
  .map(([version, tags, end]) => [version, ...tags].join('; ') + end);
const failed = fc.constant({ kind: 'failed', reason: 'servfail' } as const);

interface Tree {
  readonly records: readonly (readonly [
    domain: string,
    data: readonly string[] | { readonly kind: 'failed'; readonly reason: 'servfail' },
  ])[];
  readonly existing: readonly string[];
  readonly author: string;
  readonly spf: readonly string[];
  readonly dkim: readonly string[];
}

/** Labels below, and with how many labels of the domain it ends: records and identifiers are about the same names. */
const related = fc.tuple(fc.array(label, { maxLength: 2 }), fc.nat(9));
const tree: fc.Arbitrary<Tree> = domain.chain((author) => {
  const labels = author.split('.');
  const near = related.map(([below, from]) =>
    [...below, ...labels.slice(Math.min(from, labels.length - 1))].join('.'),
  );
  const other = fc.oneof({ weight: 4, arbitrary: near }, domain);
  const data = fc.oneof(
    { weight: 12, arbitrary: fc.array(record, { minLength: 1, maxLength: 1 }) },
    fc.array(record, { minLength: 2, maxLength: 2 }),
    failed,
  );
  return fc.record({
    records: fc.array(fc.tuple(other, data), { minLength: 1, maxLength: 6 }),
    existing: fc.array(other, { maxLength: 3 }),
    author: fc.constant(author),
    spf: fc.array(other, { maxLength: 1 }),
    dkim: fc.array(other, { maxLength: 2 }),
  });
});

/** The record of a top-level domain without `psd`: there we are stricter than the RFC, on purpose. */
function isStricterHere({ records }: Tree): boolean {
  return records.some(
    ([name, data]) =>
      !name.includes('.') &&
      Array.isArray(data) &&
      data.some((text) => !/;\s*psd=[ynY]\s*(?:;|$)/.test(text)),
  );
}

function zoneOf({ records, existing }: Tree): Zone {
  const zone: Record<
    string,
    readonly string[] | { readonly kind: 'failed'; readonly reason: 'servfail' }
  > = {};
  for (const name of existing) zone[`${name} A`] = ['192.0.2.1'];
  for (const [name, data] of records) zone[`_dmarc.${name} TXT`] = data;
  return zone;
}

/** As mailauth asks: by `node:dns`. */
function resolverOf(lookups: ZoneLookups) {
  return async (name: string, type: string): Promise<string[][] | string[]> => {
    const answer = await lookups.lookUp(name, type as RecordType);
    if (answer.kind === 'records') {
      return type === 'TXT' ? answer.records.map((text) => [text]) : [...answer.records];
    }
    const code =
      answer.kind === 'no-name' ? 'ENOTFOUND' : answer.kind === 'no-data' ? 'ENODATA' : 'ESERVFAIL';
    throw Object.assign(new Error(code), { code });
  };
}

test('mailauth and we come to the same DMARC result, policy and alignment', async () => {
  const results = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(tree, async (each) => {
      fc.pre(!isStricterHere(each));
      const { author, spf, dkim } = each;
      const ours = await evaluateDmarc({
        author: { kind: 'mailbox', address: `x@${author}`, domain: author },
        spf: { result: spf.length === 0 ? 'none' : 'pass', domain: spf[0] ?? '' },
        dkim: dkim.map((name) => ({ result: 'pass', domain: name })),
        walks: new TreeWalks(new ZoneLookups(zoneOf(each))),
      });
      const { response } = await evaluateByMailauth({
        headerFrom: [`x@${author}`],
        spfDomains: [...spf].map((name) => ({ domain: name })),
        dkimDomains: [...dkim].map((name) => ({ domain: name })),
        resolver: resolverOf(new ZoneLookups(zoneOf(each))),
        strict: true,
      } as never);
      if (response === false) throw new Error('mailauth found no author');
      expect(ours.result).toBe(response.status.result);
      const theirs = (response.status as { policy?: { dmarc?: string } }).policy?.dmarc;
      if (ours.result === 'fail') expect(ours.policy).toBe(theirs);
      results.set(ours.result, (results.get(ours.result) ?? 0) + 1);
    }),
    { numRuns: RUNS },
  );
  expect([...results.keys()].toSorted()).toEqual(['fail', 'none', 'pass', 'temperror']);
  for (const count of results.values()) expect(count).toBeGreaterThan(RUNS / 100);
});
