// SHA-256 and HMAC-SHA-256 for the SDK's signer, instead of its own. For a key of octets Node.js catches two exceptions
// to find out that it is no KeyObject, which costs five times the HMAC itself. The signing key lives for a day, so it
// becomes a KeyObject once.
import {
  createHash,
  createHmac,
  createSecretKey,
  type Hash,
  type Hmac,
  type KeyObject,
} from 'node:crypto';

/** As the SDK gives them. */
type Source = string | ArrayBuffer | ArrayBufferView;

/** By the array that the signer keeps. */
const keys = new WeakMap<ArrayBufferView, KeyObject>();

/** The SDK's `Checksum`: a digest, or with a secret an HMAC. */
export class SigningHash {
  readonly digestLength = 32;
  readonly #secret: Source | undefined;
  #hash: Hash | Hmac;

  constructor(secret?: Source) {
    this.#secret = secret;
    this.#hash = this.#begin();
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    const octets = this.#hash.digest();
    return Promise.resolve(new Uint8Array(octets.buffer, octets.byteOffset, octets.byteLength));
  }

  reset(): void {
    this.#hash = this.#begin();
  }

  #begin(): Hash | Hmac {
    return this.#secret === undefined
      ? createHash('sha256')
      : createHmac('sha256', keyOf(this.#secret));
  }
}

function keyOf(secret: Source): string | KeyObject {
  if (typeof secret === 'string') return secret;
  if (!ArrayBuffer.isView(secret)) return createSecretKey(Buffer.from(secret));
  let key = keys.get(secret);
  if (key === undefined) {
    key = createSecretKey(secret as NodeJS.ArrayBufferView);
    keys.set(secret, key);
  }
  return key;
}
