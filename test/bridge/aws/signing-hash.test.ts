import { describe, expect, test } from 'vitest';
import { SigningHash } from '../../../src/bridge/aws/signing-hash.ts';

async function hex(hash: SigningHash, ...parts: readonly string[]): Promise<string> {
  for (const part of parts) hash.update(Buffer.from(part));
  return Buffer.from(await hash.digest()).toString('hex');
}

/** RFC 4231 section 4.3. */
const JEFE = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
/** FIPS 180-4, the example of one block. */
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

describe('the hash of the signer', () => {
  test('a digest, of one part and of several', async () => {
    expect(await hex(new SigningHash(), 'abc')).toBe(ABC);
    expect(await hex(new SigningHash(), 'a', '', 'bc')).toBe(ABC);
  });

  test('after a reset, nothing of before counts', async () => {
    const hash = new SigningHash();
    hash.update(Buffer.from('x'));
    hash.reset();
    expect(await hex(hash, 'abc')).toBe(ABC);
  });

  test('an HMAC with a key of octets (RFC 4231 section 4.2)', async () => {
    const key = new Uint8Array(20).fill(0x0b);
    const expected = 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7';
    for (let again = 0; again < 2; again += 1) {
      expect(await hex(new SigningHash(key), 'Hi There')).toBe(expected);
    }
    expect(await hex(new SigningHash(key.buffer), 'Hi There')).toBe(expected);
  });

  test('an HMAC with a key of text is that of this key and this data, whichever came before', async () => {
    const data = 'what do ya want for nothing?';
    expect(await hex(new SigningHash('Jefe'), data)).toBe(JEFE);
    expect(await hex(new SigningHash('Jefe'), data)).toBe(JEFE);
    const others = [
      await hex(new SigningHash('Jefe'), 'other'),
      await hex(new SigningHash('k'), data),
    ];
    expect(others).not.toContain(JEFE);
    expect(await hex(new SigningHash('Jefe'), data)).toBe(JEFE);
  });
});
