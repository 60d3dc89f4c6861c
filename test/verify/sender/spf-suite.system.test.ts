// SPF by the test suite of openspf.org, 203 cases that nobody here wrote.
import { describe, expect, test } from 'vitest';
import { checkSpf } from '../../../src/verify/sender/spf/check-spf.ts';
import { ZoneLookups } from '../../support/zone-lookups.ts';
import { readSuite, zoneOf } from './spf-suite.ts';

const suite = readSuite();

test('the SPF test suite is there', ({ skip }) => {
  skip(typeof suite === 'string', typeof suite === 'string' ? suite : undefined);
  const names = typeof suite === 'string' ? [] : suite.flatMap(({ tests }) => Object.keys(tests));
  expect(names.length).toBe(203);
});

for (const scenario of typeof suite === 'string' ? [] : suite) {
  const zone = zoneOf(scenario);
  const cases = Object.entries(scenario.tests);
  describe(`SPF test suite, ${scenario.description}`, () => {
    test.each(cases)('%s', async (_, { helo, host, mailfrom, result, explanation }) => {
      const at = mailfrom.lastIndexOf('@');
      const reversePath = {
        localPart: mailfrom.slice(0, Math.max(at, 0)),
        domain: mailfrom.slice(at + 1),
      };
      const found = await checkSpf({
        lookups: new ZoneLookups(zone),
        address: host,
        helo,
        reversePath: mailfrom === '' ? null : reversePath,
        hostname: 'receiver.example',
      });
      expect([result].flat()).toContain(found.result);
      // DEFAULT: no explanation of the domain. DNS does not tell the letters of an IPv6 address in it apart.
      if (explanation === 'DEFAULT') expect(found.explanation).toBeUndefined();
      else if (explanation !== undefined) {
        expect(found.explanation?.toLowerCase()).toBe(explanation.toLowerCase());
      }
    });
  });
}
