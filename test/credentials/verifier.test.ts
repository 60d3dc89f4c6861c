import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deriveScramKeys } from '../../src/credentials/scram-keys.ts';
import {
  isSlow,
  makeGeneratedVerifier,
  makePasswordVerifier,
  parseVerifier,
  renderVerifier,
  type Verifier,
  verifySecret,
} from '../../src/credentials/verifier.ts';

function parsed(text: string): Verifier {
  const verifier = parseVerifier(text);
  if (typeof verifier === 'string') throw new Error(verifier);
  return verifier;
}

test('a generated secret fits its verifier and nothing else does', async () => {
  const verifier = parsed(renderVerifier(makeGeneratedVerifier('the-secret')));
  expect(isSlow(verifier)).toBe(false);
  expect(await verifySecret(verifier, 'the-secret')).toBe(true);
  expect(await verifySecret(verifier, 'the-secret ')).toBe(false);
  expect(await verifySecret(verifier, '')).toBe(false);
});

test('a password fits its argon2id verifier and nothing else does', async () => {
  const verifier = parsed(renderVerifier(await makePasswordVerifier('correct horse')));
  expect(isSlow(verifier)).toBe(true);
  expect(await verifySecret(verifier, 'correct horse')).toBe(true);
  expect(await verifySecret(verifier, 'Correct horse')).toBe(false);
});

test('two verifiers of one password differ', async () => {
  const [one, other] = [await makePasswordVerifier('same'), await makePasswordVerifier('same')];
  expect(renderVerifier(one)).not.toBe(renderVerifier(other));
});

test('a password typed with compatibility characters fits', async () => {
  const verifier = await makePasswordVerifier('IX');
  expect(await verifySecret(verifier, '\u2168')).toBe(true);
});

test('a hash that was made of the unprepared octets fits too', async () => {
  const salt = Buffer.alloc(16, 7);
  const hash = createHmac('sha256', salt).update('\u2168').digest();
  expect(await verifySecret({ scheme: 'hs256', salt, hash }, '\u2168')).toBe(true);
});

// Made by the reference implementation: python3 -m argon2 and the "argon2" tool give this for "password".
test('an argon2id string of the reference implementation is understood', async () => {
  const verifier = parsed(
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
  );
  expect(await verifySecret(verifier, 'password')).toBe(true);
  expect(await verifySecret(verifier, 'passwort')).toBe(false);
});

test('the scrypt example of RFC 7914 section 12 is understood', async () => {
  const hash = Buffer.from(
    'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
    'hex',
  );
  // Not through the parser: the example's p is over our bound for imports, and its salt under it.
  const example: Verifier = {
    scheme: 'scrypt',
    salt: Buffer.from('NaCl'),
    hash,
    cost: 1024,
    blockSize: 8,
    lanes: 16,
  };
  expect(await verifySecret(example, 'password')).toBe(true);
  expect(await verifySecret(example, 'Password')).toBe(false);
});

test.each([
  ['bcrypt', '$2y$10$abcdefghijklmnopqrstuv', /bcrypt/],
  ['something that is no PHC string', 'secret', /PHC/],
  ['md5-crypt', '$1$abcdefgh$abcdefghijklmnopqrstuv', /expected/],
  [
    'argon2i',
    '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    /argon2id/,
  ],
  [
    'an old argon2 version',
    '$argon2id$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    /v=19/,
  ],
  [
    'a gibibyte of memory',
    '$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    /m \(KiB\)/,
  ],
  [
    'a thousand passes',
    '$argon2id$v=19$m=65536,t=1000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    /m x t/,
  ],
  [
    'a scrypt that fills the memory',
    '$scrypt$ln=20,r=8,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    /MiB/,
  ],
  ['a short hash', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXP', /hash/],
  [
    'a short salt',
    '$argon2id$v=19$m=65536,t=2,p=1$c29t$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    /salt/,
  ],
])('refuses %s with a sentence that does not repeat it', (_, text, sentence) => {
  const refusal = parseVerifier(text);
  expect(refusal).toMatch(sentence);
  expect(refusal).not.toContain(text);
});

test('any verifier survives being written and read', () => {
  const octets = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
  const common = { salt: octets(16), hash: octets(32) };
  fc.assert(
    fc.property(
      fc.oneof(
        fc.record({ scheme: fc.constant('hs256' as const), ...common }),
        fc.record({
          scheme: fc.constant('argon2id' as const),
          ...common,
          memoryKiB: fc.integer({ min: 32, max: 47_104 }),
          passes: fc.integer({ min: 1, max: 10 }),
          lanes: fc.integer({ min: 1, max: 4 }),
        }),
        fc.record({
          scheme: fc.constant('scrypt' as const),
          ...common,
          cost: fc.integer({ min: 1, max: 15 }).map((ln) => 2 ** ln),
          blockSize: fc.integer({ min: 1, max: 8 }),
          lanes: fc.integer({ min: 1, max: 4 }),
        }),
      ),
      (verifier) => {
        expect(parseVerifier(renderVerifier(verifier))).toEqual(verifier);
      },
    ),
  );
});

test('parsing any text gives a verifier or a sentence', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(['string', 'object']).toContain(typeof parseVerifier(`$${text}`));
    }),
  );
});

test('the keys of the example in RFC 7677 section 3 prove its client and its server', async () => {
  const keys = await deriveScramKeys('pencil', {
    salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
    iterations: 4096,
  });
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  const authMessage = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`;
  const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64');
  const signature = createHmac('sha256', keys.storedKey).update(authMessage).digest();
  const clientKey = Buffer.from(proof.map((octet, index) => octet ^ (signature[index] ?? 0)));
  expect(createHash('sha256').update(clientKey).digest()).toEqual(keys.storedKey);
  expect(createHmac('sha256', keys.serverKey).update(authMessage).digest('base64')).toBe(
    '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  );
});
