// Self-describing verifiers of a secret, in PHC form:
//   $hs256$salt$mac                     HMAC-SHA-256 under the salt, for generated secrets: slow hashing adds
//                                       nothing to 256 random bits and would be a lever to burn our CPU
//   $argon2id$v=19$m=..,t=..,p=..$..$.. human passwords, by node:crypto
//   $scrypt$ln=..,r=..,p=..$..$..       imported only
import {
  argon2,
  type Argon2Parameters,
  createHmac,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';
import { promisify } from 'node:util';
import { parsePhc, phcBase64 } from './phc.ts';
import { saslprep } from './saslprep.ts';

export type Verifier =
  | { readonly scheme: 'hs256'; readonly salt: Buffer; readonly hash: Buffer }
  | {
      readonly scheme: 'argon2id';
      readonly salt: Buffer;
      readonly hash: Buffer;
      readonly memoryKiB: number;
      readonly passes: number;
      readonly lanes: number;
    }
  | {
      readonly scheme: 'scrypt';
      readonly salt: Buffer;
      readonly hash: Buffer;
      readonly cost: number;
      readonly blockSize: number;
      readonly lanes: number;
    };

/** What argon2id costs here: OWASP's first choice, about 32 ms of one core and 19 MiB. */
export const ARGON2ID = { memoryKiB: 19_456, passes: 2, lanes: 1 } as const;

/** The most memory that one imported hash may ask for: 128 MiB is scrypt's N=2^17, r=8 (OWASP). */
const MAX_MEMORY_OCTETS = 128 * 1024 * 1024;
const MAX_LANES = 16;
/** The most work: the recommendations of OWASP and RFC 9106 fit, and about half a second of one core. */
const MAX_ARGON2_KIB_PASSES = 512 * 1024;
const MAX_SCRYPT_BLOCKS = 2 ** 20;

const argon2Async = promisify<'argon2id', Argon2Parameters, Buffer>(argon2);
const scryptAsync = promisify<Buffer, Buffer, number, object, Buffer>(scrypt);

/** A verifier for a secret of 256 random bits. */
export function makeGeneratedVerifier(secret: string): Verifier {
  const salt = randomBytes(16);
  return { scheme: 'hs256', salt, hash: mac(salt, secret) };
}

/** A verifier for a password that a person chose, already prepared by SASLprep. */
export async function makePasswordVerifier(password: string): Promise<Verifier> {
  const salt = randomBytes(16);
  const hash = await argon2idOf(Buffer.from(password), {
    salt,
    hash: Buffer.alloc(32),
    ...ARGON2ID,
  });
  return { scheme: 'argon2id', salt, hash, ...ARGON2ID };
}

/** Whether the secret fits. A password is tried as SASLprep prepares it, then as it came (imported hashes). */
export async function verifySecret(verifier: Verifier, secret: string): Promise<boolean> {
  const prepared = saslprep(secret) ?? secret;
  if (await fits(verifier, prepared)) return true;
  return prepared !== secret && (await fits(verifier, secret));
}

/** Whether checking this one is slow, so that it belongs into the hashing queue. */
export function isSlow(verifier: Verifier): boolean {
  return verifier.scheme !== 'hs256';
}

async function fits(verifier: Verifier, secret: string): Promise<boolean> {
  const octets = Buffer.from(secret);
  switch (verifier.scheme) {
    case 'hs256':
      return timingSafeEqual(mac(verifier.salt, secret), verifier.hash);
    case 'argon2id':
      return timingSafeEqual(await argon2idOf(octets, verifier), verifier.hash);
    case 'scrypt':
      return timingSafeEqual(
        await scryptAsync(octets, verifier.salt, verifier.hash.length, {
          N: verifier.cost,
          r: verifier.blockSize,
          p: verifier.lanes,
          maxmem: 2 * MAX_MEMORY_OCTETS,
        }),
        verifier.hash,
      );
  }
}

function mac(salt: Buffer, secret: string): Buffer {
  return createHmac('sha256', salt).update(secret).digest();
}

function argon2idOf(
  message: Buffer,
  { salt, hash, memoryKiB, passes, lanes }: Omit<Verifier & { scheme: 'argon2id' }, 'scheme'>,
): Promise<Buffer> {
  return argon2Async('argon2id', {
    message,
    nonce: salt,
    parallelism: lanes,
    tagLength: hash.length,
    memory: memoryKiB,
    passes,
  });
}

export function renderVerifier(verifier: Verifier): string {
  const tail = `${phcBase64(verifier.salt)}$${phcBase64(verifier.hash)}`;
  switch (verifier.scheme) {
    case 'hs256':
      return `$hs256$${tail}`;
    case 'argon2id': {
      const { memoryKiB, passes, lanes } = verifier;
      return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${tail}`;
    }
    case 'scrypt': {
      const { cost, blockSize, lanes } = verifier;
      return `$scrypt$ln=${Math.log2(cost)},r=${blockSize},p=${lanes}$${tail}`;
    }
  }
}

/** A verifier from its text, or a sentence that says what is wrong with it; never with the text in it. */
export function parseVerifier(text: string): Verifier | string {
  const bcrypt = /^\$2[abxy]?\$/.test(text);
  if (bcrypt) {
    return 'bcrypt hashes cannot be imported: Node.js has no bcrypt; give the user a new secret with "credentials add"';
  }
  const phc = parsePhc(text);
  if (phc === undefined)
    return 'expected a PHC string such as $argon2id$v=19$m=19456,t=2,p=1$salt$hash';
  const { scheme, salt, hash, parameters } = phc;
  if (salt.length < 8 || salt.length > 64) return 'expected a salt of 8 to 64 octets';
  if (hash.length < 16 || hash.length > 64) return 'expected a hash of 16 to 64 octets';
  const within = (value: number | undefined, max: number): value is number =>
    value !== undefined && value >= 1 && value <= max;
  switch (scheme) {
    case 'hs256':
      return hash.length === 32 ? { scheme, salt, hash } : 'expected a hash of 32 octets';
    case 'argon2id': {
      const [m, t, p] = [parameters.get('m'), parameters.get('t'), parameters.get('p')];
      if (phc.version !== 19) return 'expected argon2 version 19 (v=19)';
      if (!within(p, MAX_LANES)) return `expected p from 1 to ${MAX_LANES}`;
      if (!within(m, MAX_MEMORY_OCTETS / 1024) || m < 8 * p) {
        return `expected m (KiB) from 8 x p to ${MAX_MEMORY_OCTETS / 1024}`;
      }
      if (!within(t, MAX_ARGON2_KIB_PASSES / m)) {
        return `expected m x t of at most ${MAX_ARGON2_KIB_PASSES}`;
      }
      return { scheme, salt, hash, memoryKiB: m, passes: t, lanes: p };
    }
    case 'scrypt': {
      const [ln, r, p] = [parameters.get('ln'), parameters.get('r'), parameters.get('p')];
      if (!within(ln, 24) || !within(r, 32)) return 'expected ln from 1 to 24 and r from 1 to 32';
      if (!within(p, MAX_LANES)) return `expected p from 1 to ${MAX_LANES}`;
      if (128 * 2 ** ln * r > MAX_MEMORY_OCTETS) {
        return `expected at most ${MAX_MEMORY_OCTETS / 1024 / 1024} MiB (128 x 2^ln x r)`;
      }
      if (2 ** ln * r * p > MAX_SCRYPT_BLOCKS) {
        return `expected 2^ln x r x p of at most ${MAX_SCRYPT_BLOCKS}`;
      }
      return { scheme, salt, hash, cost: 2 ** ln, blockSize: r, lanes: p };
    }
    default:
      return `expected argon2id or scrypt, got ${scheme}`;
  }
}
