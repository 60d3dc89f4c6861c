// Mails signed by a signer that is not ours: mailauth's DKIM and ARC.
import { generateKeyPairSync } from 'node:crypto';
import { createSeal } from 'mailauth/lib/arc/index.js';
import { dkimSign } from 'mailauth/lib/dkim/sign.js';

export interface SigningKey {
  readonly privateKey: string;
  /** The TXT record of the public key. */
  readonly record: string;
}

export function makeKey(kind: 'rsa' | 'ed25519' = 'ed25519'): SigningKey {
  if (kind === 'rsa') {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    return {
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      record: `v=DKIM1; k=rsa; p=${publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`,
    };
  }
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    record: `v=DKIM1; k=ed25519; p=${raw.toString('base64')}`,
  };
}

export interface Signer {
  readonly key: SigningKey;
  readonly domain: string;
  readonly selector?: string;
  /** As in `relaxed/simple`. Default `relaxed/relaxed`. */
  readonly form?: string;
  /** Default: From, To, Subject, Date and Message-ID, each as often as it is there. */
  readonly fields?: readonly string[];
  /** `l=`. */
  readonly bodyLength?: number;
}

const SIGNED = ['From', 'To', 'Subject', 'Date', 'Message-ID'];

/** `mail` with the signature in front. */
export async function sign(mail: string | Buffer, signer: Signer): Promise<Buffer> {
  const message = Buffer.from(mail);
  const options = {
    signingDomain: signer.domain,
    selector: signer.selector ?? 's1',
    privateKey: signer.key.privateKey,
    canonicalization: signer.form ?? 'relaxed/relaxed',
    headerList: [...(signer.fields ?? SIGNED)],
    ...(signer.bodyLength !== undefined && { maxBodyLength: signer.bodyLength }),
  };
  const { signatures, errors } = await dkimSign(message, { ...options, signatureData: [options] });
  if (signatures === '') throw new Error(`not signed: ${JSON.stringify(errors)}`);
  return Buffer.concat([Buffer.from(signatures), message]);
}

/** `mail` with an ARC set in front, which claims `results`. */
export async function seal(
  mail: string | Buffer,
  signer: Signer,
  results: string,
): Promise<Buffer> {
  const message = Buffer.from(mail);
  const { headers, errors } = await createSeal(message, {
    seal: {
      signingDomain: signer.domain,
      selector: signer.selector ?? 's1',
      privateKey: signer.key.privateKey,
      cv: 'none',
      authResults: results,
      headerList: [...SIGNED],
    },
  });
  if (headers.length === 0) throw new Error(`not sealed: ${JSON.stringify(errors)}`);
  return Buffer.concat([Buffer.from(`${headers.join('\r\n')}\r\n`), message]);
}
