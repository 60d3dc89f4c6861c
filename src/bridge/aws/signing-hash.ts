// SHA-256 and HMAC-SHA-256 for the SDK's signer, instead of its own. For a key of octets Node.js catches two exceptions
// to find out that it is no KeyObject, which costs five times the HMAC itself. The signing key lives for a day, so it
// becomes a KeyObject once. To find the signing key, the signer makes the HMAC of the access key ID with the secret key
// for every request: the last one is remembered.
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';

/** As the SDK gives them. */
type Source = string | ArrayBuffer | ArrayBufferView;

/** By the array that the signer keeps. */
const keys = new WeakMap<ArrayBufferView, KeyObject>();

/** The last HMAC with a text as its key. */
let last:
  | { readonly secret: string; readonly data: Uint8Array; readonly digest: Uint8Array }
  | undefined;

/** The SDK's `Checksum`: a digest, or with a secret an HMAC. */
export class SigningHash {
  readonly digestLength = 32;
  readonly #secret: Source | undefined;
  #parts: Uint8Array[] = [];

  constructor(secret?: Source) {
    this.#secret = secret;
  }

  /** `data` is not changed before `digest`. */
  update(data: Uint8Array): void {
    this.#parts.push(data);
  }

  digest(): Promise<Uint8Array> {
    const data = this.#data();
    const secret = this.#secret;
    if (secret === undefined) return Promise.resolve(octetsOf(hash('sha256', data, 'buffer')));
    if (typeof secret !== 'string') return Promise.resolve(hmac(keyOf(secret), data));
    if (last?.secret !== secret || Buffer.compare(last.data, data) !== 0) {
      last = { secret, data, digest: hmac(secret, data) };
    }
    return Promise.resolve(last.digest);
  }

  reset(): void {
    this.#parts = [];
  }

  #data(): Uint8Array {
    const [only] = this.#parts;
    return this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
  }
}

function hmac(key: string | KeyObject, data: Uint8Array): Uint8Array {
  return octetsOf(createHmac('sha256', key).update(data).digest());
}

function octetsOf(octets: Buffer): Uint8Array {
  return new Uint8Array(octets.buffer, octets.byteOffset, octets.byteLength);
}

function keyOf(secret: Exclude<Source, string>): KeyObject {
  if (!ArrayBuffer.isView(secret)) return createSecretKey(Buffer.from(secret));
  let key = keys.get(secret);
  if (key === undefined) {
    key = createSecretKey(secret as NodeJS.ArrayBufferView);
    keys.set(secret, key);
  }
  return key;
}
