// The client's side of SCRAM-SHA-256, written from RFC 5802 section 3, for tests.
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import type { ScramVerifier } from '../../src/smtp/index.ts';

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const hash = (data: Buffer): Buffer => createHash('sha256').update(data).digest();

interface Keys {
  readonly clientKey: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

function keysOf(password: string, salt: Buffer, iterations: number): Keys {
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const clientKey = hmac(salted, 'Client Key');
  return { clientKey, storedKey: hash(clientKey), serverKey: hmac(salted, 'Server Key') };
}

/** What a server stores of a password. */
export function verifierOf(password: string, salt: Buffer, iterations: number): ScramVerifier {
  const { storedKey, serverKey } = keysOf(password, salt, iterations);
  return { salt, iterations, storedKey, serverKey };
}

/** What the client says, message by message. */
export class ScramClient {
  readonly #header: string;
  readonly #bare: string;
  readonly #password: string;
  readonly #binding: Buffer;
  #serverSignature = '';

  constructor(
    username: string,
    password: string,
    nonce: string,
    header = 'n,,',
    binding: string | Buffer = '',
  ) {
    this.#header = header;
    this.#bare = `n=${username},r=${nonce}`;
    this.#password = password;
    this.#binding = typeof binding === 'string' ? Buffer.from(binding) : binding;
  }

  first(): string {
    return `${this.#header}${this.#bare}`;
  }

  final(serverFirst: string): string {
    const [nonce = '', salt = '', iterations = ''] = serverFirst.split(',');
    const bound = Buffer.concat([Buffer.from(this.#header), this.#binding]).toString('base64');
    const withoutProof = `c=${bound},${nonce}`;
    const authMessage = `${this.#bare},${serverFirst},${withoutProof}`;
    const keys = keysOf(
      this.#password,
      Buffer.from(salt.slice(2), 'base64'),
      Number(iterations.slice(2)),
    );
    const signature = hmac(keys.storedKey, authMessage);
    const proof = keys.clientKey.map((byte, at) => byte ^ (signature[at] ?? 0));
    this.#serverSignature = hmac(keys.serverKey, authMessage).toString('base64');
    return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
  }

  /** What the server must say to prove itself. */
  get serverFinal(): string {
    return `v=${this.#serverSignature}`;
  }
}
