import { expect, test } from 'vitest';
import { randomSecret } from '../../src/credentials/random-secret.ts';

test('a generated secret never begins with a hyphen, which a command line takes for an option', () => {
  // One of 64 would; so many without one are no chance.
  const secrets = Array.from({ length: 5000 }, () => randomSecret(12));
  expect(secrets.filter((secret) => secret.startsWith('-'))).toEqual([]);
  expect(new Set(secrets).size).toBe(secrets.length);
});

test('a generated secret has the octets that were asked for', () => {
  expect(Buffer.from(randomSecret(32), 'base64url')).toHaveLength(32);
});
