import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Credential } from '../../src/credentials/index.ts';
import { readItem, UnreadableCredentialError, writeItem } from '../../src/credentials/item.ts';

const buffer = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((octets) => Buffer.from(octets));
/** Whole seconds, which is what the table keeps. */
const moment = fc
  .integer({ min: 0, max: 4_000_000_000 })
  .map((seconds) => new Date(seconds * 1000));

const scramKeys = fc.record({ storedKey: buffer(32), serverKey: buffer(32) });
const secret = fc.record(
  {
    kind: fc.constantFrom('generated' as const, 'password' as const, 'imported' as const),
    verifier: fc.record({
      scheme: fc.constant('hs256' as const),
      salt: buffer(16),
      hash: buffer(32),
    }),
    scram: scramKeys,
    createdAt: moment,
    expiresAt: moment,
  },
  { requiredKeys: ['kind', 'verifier', 'createdAt'] },
);
const credential: fc.Arbitrary<Credential> = fc.record(
  {
    username: fc.string({ minLength: 1 }),
    version: fc.integer({ min: 1 }),
    enabled: fc.boolean(),
    secrets: fc.array(secret, { maxLength: 2 }),
    scram: fc.record({ salt: buffer(16), iterations: fc.integer({ min: 4096, max: 1e6 }) }),
    grants: fc.record(
      {
        allowedSenders: fc.array(fc.string()),
        allowedRecipients: fc.array(fc.string()),
        allowedCidrs: fc.array(fc.string()),
        maxMessageSize: fc.nat(),
        rate: fc.record(
          { messages: fc.nat(), octets: fc.nat(), periodSeconds: fc.integer({ min: 1 }) },
          { requiredKeys: ['periodSeconds'] },
        ),
        prefix: fc.string(),
        topicArn: fc.string(),
      },
      { requiredKeys: [] },
    ),
    expiresAt: moment,
    note: fc.string(),
    createdAt: moment,
    lastUsedAt: moment,
  },
  { requiredKeys: ['username', 'version', 'enabled', 'secrets', 'grants', 'createdAt'] },
);

test('any credential survives being written and read', () => {
  fc.assert(
    fc.property(credential, (written) => {
      expect(readItem(writeItem(written))).toEqual(written);
    }),
  );
});

const createdAt = new Date('2026-11-23T00:00:00Z');
const least: Credential = {
  username: 'ann',
  version: 1,
  enabled: true,
  secrets: [],
  grants: {},
  createdAt,
};

test('a row is kept for 30 days after its end, for DynamoDB to delete', () => {
  const item = writeItem({ ...least, expiresAt: createdAt });
  expect(item['expiresAt']).toEqual({ N: String(createdAt.getTime() / 1000) });
  expect(item['ttl']).toEqual({ N: String(createdAt.getTime() / 1000 + 30 * 86_400) });
  expect(writeItem(least)['ttl']).toBeUndefined();
});

test('a list that a person wrote as a set is read too', () => {
  const item = { ...writeItem(least), allowedSenders: { SS: ['a@b.example'] } };
  expect(readItem(item).grants).toEqual({ allowedSenders: ['a@b.example'] });
});

const three = { M: { kind: { S: 'generated' }, verifier: { S: 'x' }, createdAt: { N: '1' } } };
test.each<[string, AttributeValue | undefined]>([
  ['username', undefined],
  ['version', { S: '1' }],
  ['version', { N: '-1' }],
  ['enabled', undefined],
  ['enabled', { S: 'yes' }],
  ['secrets', undefined],
  ['secrets', { L: [three, three, three] }],
  ['createdAt', { S: '2026' }],
  ['expiresAt', { S: 'never' }],
  ['allowedSenders', { S: '*@example.com' }],
  ['maxMessageSize', { S: '10MB' }],
  ['rate', { N: '10' }],
  ['prefix', { N: '1' }],
])('a row whose %s is %j is refused by the name of the attribute', (attribute, value) => {
  const { [attribute]: _, ...rest } = writeItem(least);
  const item = value === undefined ? rest : { ...rest, [attribute]: value };
  try {
    readItem(item);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(UnreadableCredentialError);
    expect(error).toMatchObject({ username: 'ann', attribute });
  }
});

test('a verifier that is none is named and not repeated', () => {
  const item = { ...writeItem(least), secrets: { L: [three] } };
  expect(() => readItem(item)).toThrow(/"secrets\.verifier"/);
});
