// AWS Signature Version 4 of a request on the fast path, whose payload hash is known. The SDK's signer takes twice the
// CPU, since it clones the request and awaits each of its steps; a property test compares the two.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';

export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where a signature is valid. */
export interface SigningScope {
  readonly region: string;
  /** `s3` or `sns`. */
  readonly service: string;
}

export interface UnsignedRequest {
  readonly method: string;
  /** Escaped, as it is sent. */
  readonly path: string;
  /** Of `canonicalQuery`, as it is sent; empty if there is none. */
  readonly query: string;
  /** By names in lower case; `host` and `x-amz-content-sha256` are among them. */
  readonly headers: Readonly<Record<string, string>>;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
/** Proxies change it, so it is sent and not signed. */
const UNSIGNED = 'user-agent';

/** Signs the requests of one scope. */
export class RequestSigner {
  readonly #scope: SigningScope;
  /** The key of a day and a secret: the last one is kept. */
  #key: { readonly day: string; readonly secret: string; readonly key: KeyObject } | undefined;

  constructor(scope: SigningScope) {
    this.#scope = scope;
  }

  /** The headers to send, by names in lower case: those of the request, the time, the session token, and the signature. */
  sign(
    { method, path, query, headers }: UnsignedRequest,
    { accessKeyId, secretAccessKey, sessionToken }: SigningCredentials,
    time: Date,
  ): Record<string, string> {
    const stamp = `${time.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
    const day = stamp.slice(0, 8);
    const signed: Record<string, string> = { ...headers, 'x-amz-date': stamp };
    if (sessionToken !== undefined) signed['x-amz-security-token'] = sessionToken;
    const names = Object.keys(signed)
      .filter((name) => name !== UNSIGNED)
      .sort();
    let canonical = `${method}\n${path}\n${query}\n`;
    for (const name of names) canonical += `${name}:${canonicalValue(signed[name] ?? '')}\n`;
    const list = names.join(';');
    canonical += `\n${list}\n${headers['x-amz-content-sha256']}`;
    const { region, service } = this.#scope;
    const scope = `${day}/${region}/${service}/aws4_request`;
    const text = `${ALGORITHM}\n${stamp}\n${scope}\n${hash('sha256', canonical, 'hex')}`;
    const signature = createHmac('sha256', this.#keyOf(day, secretAccessKey))
      .update(text)
      .digest('hex');
    signed['authorization'] =
      `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${list}, Signature=${signature}`;
    return signed;
  }

  #keyOf(day: string, secret: string): KeyObject {
    if (this.#key?.day !== day || this.#key.secret !== secret) {
      const { region, service } = this.#scope;
      let key: string | Buffer = `AWS4${secret}`;
      for (const part of [day, region, service, 'aws4_request']) {
        key = createHmac('sha256', key).update(part).digest();
      }
      // As a `KeyObject`: Node.js takes several times as long for a key of octets.
      this.#key = { day, secret, key: createSecretKey(key as Buffer) };
    }
    return this.#key.key;
  }
}

/** Without blanks at its ends, and with one for each run of them. */
function canonicalValue(value: string): string {
  return /^\s|\s$|\s\s|[^\S ]/.test(value) ? value.trim().replace(/\s+/g, ' ') : value;
}

/** A query as it is signed, and may be sent: escaped, and sorted by name. */
export function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.keys(query)
    .sort()
    .map((name) => `${escapeUri(name)}=${escapeUri(query[name] ?? '')}`)
    .join('&');
}

/** Escapes as the SDK does: every octet except the unreserved ones of RFC 3986. */
export function escapeUri(text: string): string {
  const escaped = encodeURIComponent(text);
  return /[!'()*]/.test(escaped)
    ? escaped.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    : escaped;
}
