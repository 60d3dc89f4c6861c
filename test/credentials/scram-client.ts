// A SCRAM-SHA-256 client without channel binding: RFC 5802 and RFC 7677, written for the eye.
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ScramVerifier } from '../../src/smtp/index.ts';

export class ScramClient {
  readonly #username: string;
  readonly #password: string;
  readonly #nonce: string;
  #authMessage = '';
  #salted = Buffer.alloc(0);

  constructor(username: string, password: string, nonce = randomBytes(18).toString('base64')) {
    this.#username = username;
    this.#password = password;
    this.#nonce = nonce;
  }

  /** client-first-message. */
  first(): string {
    return `n,,${this.#firstBare}`;
  }

  /** client-final-message, in answer to the server's first. */
  final(serverFirst: string): string {
    const [, nonce = '', salt = '', iterations] =
      /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) ?? [];
    const withoutProof = `c=biws,r=${nonce}`;
    this.#authMessage = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const password = this.#password.normalize('NFKC');
    this.#salted = pbkdf2Sync(
      password,
      Buffer.from(salt, 'base64'),
      Number(iterations),
      32,
      'sha256',
    );
    const clientKey = hmac(this.#salted, 'Client Key');
    const proof = xor(clientKey, hmac(sha256(clientKey), this.#authMessage));
    return `${withoutProof},p=${proof.toString('base64')}`;
  }

  /** What a genuine server says at the end. */
  serverFinal(): string {
    const serverKey = hmac(this.#salted, 'Server Key');
    return `v=${hmac(serverKey, this.#authMessage).toString('base64')}`;
  }

  get authMessage(): string {
    return this.#authMessage;
  }

  get #firstBare(): string {
    return `n=${this.#username},r=${this.#nonce}`;
  }
}

export interface Proof {
  /** Which of the verifiers the proof fits; -1: none. */
  readonly fits: number;
  /** Whether the server's signature, made with that verifier, convinces the client. */
  readonly serverIsGenuine: boolean;
}

/** The whole exchange at once: the client knows the password, the server the verifiers. */
export function prove(
  username: string,
  password: string,
  verifiers: readonly ScramVerifier[],
): Proof {
  const [setting] = verifiers;
  if (setting === undefined) throw new Error('no verifiers');
  const client = new ScramClient(username, password, 'nonce');
  client.first();
  const final = client.final(
    `r=nonce-and-more,s=${setting.salt.toString('base64')},i=${setting.iterations}`,
  );
  const proof = Buffer.from(/,p=(.+)$/.exec(final)?.[1] ?? '', 'base64');
  const fits = verifiers.findIndex(({ storedKey }) =>
    timingSafeEqual(sha256(xor(proof, hmac(storedKey, client.authMessage))), storedKey),
  );
  const serverKey = verifiers[fits]?.serverKey;
  return {
    fits,
    serverIsGenuine:
      serverKey !== undefined &&
      `v=${hmac(serverKey, client.authMessage).toString('base64')}` === client.serverFinal(),
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
