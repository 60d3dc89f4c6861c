import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  parseCredential,
  renderCredential,
} from '../../../src/cli/credentials/exported-credential.ts';
import { makeCredential, makeSecret } from '../../../src/credentials/index.ts';

const now = new Date('2026-11-23T12:00:00Z');

async function exported(): Promise<string> {
  const secret = await makeSecret({ kind: 'generated' }, now);
  const grants = { allowedSenders: ['*@a.example'], rate: { messages: 5, periodSeconds: 60 } };
  return renderCredential(makeCredential('ann', secret, now, { grants, note: 'third floor' }));
}

test('a line survives being read and written', async () => {
  const line = await exported();
  const credential = parseCredential(line);
  if (typeof credential === 'string') throw new Error(credential);
  expect(renderCredential(credential)).toBe(line);
});

test.each<[string, RegExp]>([
  ['username', /^username: /],
  ['secrets', /^secrets: /],
  ['grants', /^grants: /],
  ['createdAt', /^createdAt: /],
])('a line without %s is refused with its name', async (field, reason) => {
  const { [field]: _, ...rest }: Record<string, unknown> = JSON.parse(await exported());
  const refusal = parseCredential(JSON.stringify({ ...rest, [field]: undefined }));
  expect(refusal).toMatch(reason);
});

test.each<[string, string, RegExp]>([
  ['an unknown field', '"note":', /Unrecognized key.*"nota"/],
  ['a pattern that is none', '*@a.example', /grants\.allowedSenders\.0: expected an address/],
  ['a verifier that is none', '$hs256$', /secrets\.0\.verifier: /],
])('a line with %s is refused with its place', async (_, find, reason) => {
  const replaced = { '"note":': '"nota":', '*@a.example': 'a.example', $hs256$: '$1$' }[find] ?? '';
  const line = await exported();
  const refusal = parseCredential(line.replace(find, () => replaced));
  expect(refusal).toMatch(reason);
  expect(refusal).not.toContain(line.match(/"verifier":"([^"]+)"/)?.[1]?.slice(8));
});

test.each(['*@*', 'a*b@example.com', 'a@b*', '**@a.b'])(
  'a line that grants %s is refused with the sentence of the configuration',
  async (pattern) => {
    const line = (await exported()).replace('*@a.example', pattern);
    expect(parseCredential(line)).toBe(
      `grants.allowedSenders.0: expected an address, "*@domain", "*@*.domain", "local@*" or "*", got "${pattern}"`,
    );
  },
);

test('any text and any JSON is a credential or a sentence', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(typeof parseCredential(text)).toBe('string');
    }),
  );
});
