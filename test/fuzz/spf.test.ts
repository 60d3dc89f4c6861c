import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DnsAnswer, MailLookups } from '../../src/verify/dns/resolver.ts';
import { checkSpf } from '../../src/verify/sender/spf/check-spf.ts';
import { MOST_QUERIES } from '../../src/verify/sender/spf/spf-lookups.ts';
import { runs } from './runs.ts';

const octet = fc.nat(255).map((code) => String.fromCharCode(code));
const name = fc.constantFrom(
  'a.example',
  'b.example',
  'c.example',
  '%{d}',
  '%{l}.a.example',
  '%{ir}.%{v}.b.example',
  '%{p}',
  'x',
  '',
);
const term = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .tuple(
        fc.constantFrom('', '-', '~', '?', '+'),
        fc.constantFrom(
          'a:',
          'mx:',
          'ptr:',
          'include:',
          'exists:',
          'redirect=',
          'exp=',
          'a',
          'mx',
          'ptr',
          'all',
          'x=',
        ),
        name,
        fc.constantFrom('', '', '', '/24', '//64', '/24//64', '/99', '/'),
      )
      .map((parts) => parts.join('')),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'ip4:192.0.2.0/24',
      'ip4:1.2.3',
      'ip6:2001:db8::/32',
      'ip6::::',
      '%',
      '%{',
      '%{z}',
      '=',
    ),
  },
  { weight: 1, arbitrary: octet },
);
const record = fc.array(term, { maxLength: 20 }).map((terms) => `v=spf1 ${terms.join(' ')}`);
const host = fc.oneof(name, octet);
const answer: fc.Arbitrary<DnsAnswer> = fc.oneof(
  fc
    .array(fc.oneof({ weight: 9, arbitrary: record }, { weight: 1, arbitrary: fc.string() }), {
      maxLength: 2,
    })
    .map((records) => ({ kind: 'records', records }) as const),
  fc
    .array(
      host.map((each) => `10 ${each}`),
      { maxLength: 12 },
    )
    .map((records) => ({ kind: 'records', records }) as const),
  fc.constantFrom<DnsAnswer>(
    { kind: 'records', records: ['192.0.2.1', 'not an address'] },
    { kind: 'no-name' },
    { kind: 'no-data' },
    { kind: 'failed', reason: 'servfail' },
  ),
);

test('any records have a well-formed result, within the number of queries', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { minLength: 3, maxLength: 3 }),
      fc.array(answer, { minLength: 1, maxLength: 10 }),
      fc.oneof(fc.string({ maxLength: 70 }), fc.constantFrom('ann', 'a"b@c', '')),
      fc.constantFrom('192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', 'nonsense', ''),
      fc.oneof(fc.constantFrom('a.example', '[192.0.2.1]'), fc.string()),
      async (records, answers, localPart, address, helo) => {
        const domains = ['a.example', 'b.example', 'c.example'];
        let count = 0;
        const lookups: MailLookups = {
          count: 0,
          lookUp(asked, type) {
            const own = records[domains.indexOf(asked)];
            const other = answers[count % answers.length] ?? { kind: 'no-name' };
            count += 1;
            const isRecord = type === 'TXT' && own !== undefined;
            return Promise.resolve(isRecord ? { kind: 'records', records: [own] } : other);
          },
        };
        for (const reversePath of [{ localPart, domain: 'a.example' }, null]) {
          count = 0;
          const found = await checkSpf({
            lookups,
            address,
            helo,
            reversePath,
            hostname: 'mx.receiver.example',
          });
          expect(count).toBeLessThanOrEqual(MOST_QUERIES);
          expect(found.result).toMatch(/^(?:pass|fail|softfail|neutral|none|temperror|permerror)$/);
          const { mechanism = '', problem = '', explanation = '' } = found;
          expect(mechanism).toMatch(/^[\x20-\x7e]{0,100}$/);
          expect(problem + explanation).toMatch(/^[\x20-\x7e]{0,200}$/);
        }
      },
    ),
    runs(500),
  );
});
