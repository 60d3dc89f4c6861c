import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BodyDigest } from '../../src/verify/sender/dkim/body-digest.ts';
import { RelaxedBody, SimpleBody } from '../../src/verify/sender/dkim/body-forms.ts';
import { cutAt } from '../support/splits.ts';
import { canonicalBody } from '../verify/sender/reference-signer.ts';
import { runs } from './runs.ts';

const part = fc.constantFrom(
  ...['\r\n', '\r\n', '\r\n\r\n', '\r', '\n', ' ', '  ', '\t', 'a', 'word', '\0', '\xe9'],
  // Longer than what is hashed in one go, and than a block.
  '\r\n'.repeat(40_000),
  'x'.repeat(17_000),
  ' y'.repeat(9_000),
);
const body = fc.array(part, { maxLength: 30 }).map((parts) => parts.join(''));
const cuts = fc.array(fc.nat(100_000), { maxLength: 8 });

const sha256 = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex');

const forms = { simple: SimpleBody, relaxed: RelaxedBody } as const;

test.each(['simple', 'relaxed'] as const)(
  'the canonical body in %s form is that of the reference, however cut, and so is each beginning of it',
  (form) => {
    fc.assert(
      fc.property(body, cuts, fc.array(fc.nat(200_000), { maxLength: 5 }), (text, at, limits) => {
        const expected = canonicalBody(text, form);
        const wanted = [0, 1, expected.length, expected.length + 1, ...limits];
        const taken = new forms[form](new BodyDigest(wanted));
        for (const piece of cutAt(Buffer.from(text, 'latin1'), at)) taken.write(piece);
        const hashOf = taken.end();
        expect(hashOf(undefined)?.digest.toString('hex')).toBe(sha256(expected));
        for (const limit of wanted) {
          const hash = hashOf(limit);
          const isWithin = limit <= expected.length;
          expect(hash?.digest.toString('hex')).toBe(
            isWithin ? sha256(expected.slice(0, limit)) : undefined,
          );
          expect(hash?.unsigned).toBe(isWithin ? expected.length - limit : undefined);
        }
      }),
      runs(500),
    );
  },
);
