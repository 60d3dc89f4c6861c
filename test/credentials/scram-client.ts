// A SCRAM-SHA-256 client that plays the whole exchange against verifiers: RFC 5802, written for the eye.
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ScramVerifier } from '../../src/smtp/index.ts';

export interface Proof {
  /** Which of the verifiers the proof fits; -1: none. */
  readonly fits: number;
  /** Whether the server's signature, made with that verifier, convinces the client. */
  readonly serverIsGenuine: boolean;
}

/** The client knows the password, the server the verifiers. */
export function prove(
  username: string,
  password: string,
  verifiers: readonly ScramVerifier[],
): Proof {
  const [setting] = verifiers;
  if (setting === undefined) throw new Error('no verifiers');
  const nonce = `${randomBytes(9).toString('base64')}${randomBytes(9).toString('base64')}`;
  const bare = `n=${username},r=${nonce.slice(0, 12)}`;
  const serverFirst = `r=${nonce},s=${setting.salt.toString('base64')},i=${setting.iterations}`;
  const authMessage = `${bare},${serverFirst},c=biws,r=${nonce}`;

  const salted = pbkdf2Sync(
    password.normalize('NFKC'),
    setting.salt,
    setting.iterations,
    32,
    'sha256',
  );
  const clientKey = hmac(salted, 'Client Key');
  const proof = xor(clientKey, hmac(sha256(clientKey), authMessage));

  const fits = verifiers.findIndex(({ storedKey }) =>
    timingSafeEqual(sha256(xor(proof, hmac(storedKey, authMessage))), storedKey),
  );
  const fitting = verifiers[fits];
  const expected = hmac(hmac(salted, 'Server Key'), authMessage);
  return {
    fits,
    serverIsGenuine: fitting !== undefined && hmac(fitting.serverKey, authMessage).equals(expected),
  };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(octets: Buffer): Buffer {
  return createHash('sha256').update(octets).digest();
}

function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((octet, index) => octet ^ (other[index] ?? 0)));
}
