// Makes secrets and the rows that check them: what the command line and `local` do before any sign-in.
import type { Credential, StoredSecret } from './credential.ts';
import { randomSecret } from './random-secret.ts';
import { saslprep } from './saslprep.ts';
import { deriveScramKeys, ITERATIONS, makeScramSetting, type ScramSetting } from './scram-keys.ts';
import { makeGeneratedVerifier, makePasswordVerifier, type Verifier } from './verifier.ts';

/** What a new secret is made from. */
export type SecretSource =
  /** 256 random bits, told once. */
  | { readonly kind: 'generated' }
  /** A person's choice. */
  | { readonly kind: 'password'; readonly password: string }
  /** A hash from elsewhere: PLAIN and LOGIN only, for no SCRAM keys can be made of it. */
  | { readonly kind: 'imported'; readonly verifier: Verifier };

export interface MadeSecret {
  readonly stored: StoredSecret;
  /** The setting that the stored SCRAM keys belong to. */
  readonly scram?: ScramSetting;
  /** The text of a generated secret, which is nowhere else. */
  readonly generated?: string;
}

/** Octets of a password; argon2id would take more, but so long a line is an attack. */
export const MAX_PASSWORD_OCTETS = 1024;

/** A sentence says what is wrong with the password; it never repeats it. */
export function checkPassword(password: string): string | undefined {
  if (password === '') return 'the password is empty';
  if (Buffer.byteLength(password) > MAX_PASSWORD_OCTETS) {
    return `the password is longer than ${MAX_PASSWORD_OCTETS} octets`;
  }
  if (saslprep(password) === undefined) {
    return 'the password has characters that SASLprep (RFC 4013) forbids, such as a control character';
  }
  return undefined;
}

/** Makes a secret; with `scram` of the credential's other secret, its SCRAM keys stand beside that one's. */
export async function makeSecret(
  source: SecretSource,
  now: Date,
  scram?: ScramSetting,
): Promise<MadeSecret> {
  const { kind } = source;
  if (kind === 'imported') {
    return { stored: { kind, verifier: source.verifier, createdAt: now } };
  }
  const generated = kind === 'generated' ? randomSecret(32) : undefined;
  const secret = source.kind === 'password' ? (saslprep(source.password) ?? '') : (generated ?? '');
  const verifier =
    generated === undefined ? await makePasswordVerifier(secret) : makeGeneratedVerifier(generated);
  // Keys must never be made with the few iterations that generated secrets once had.
  const setting =
    scram !== undefined && scram.iterations >= ITERATIONS ? scram : makeScramSetting();
  const keys = await deriveScramKeys(secret, setting);
  return {
    stored: { kind, verifier, scram: keys, createdAt: now },
    scram: setting,
    ...(generated !== undefined && { generated }),
  };
}

/** A new credential with that one secret, or with none. */
export function makeCredential(
  username: string,
  secret: MadeSecret | undefined,
  now: Date,
  rest: Partial<
    Pick<Credential, 'tokenIssuers' | 'tokenName' | 'grants' | 'expiresAt' | 'note'>
  > = {},
): Credential {
  return {
    username,
    version: 1,
    enabled: true,
    secrets: secret === undefined ? [] : [secret.stored],
    ...(secret?.scram && { scram: secret.scram }),
    ...(rest.tokenIssuers && { tokenIssuers: rest.tokenIssuers }),
    ...(rest.tokenName !== undefined && { tokenName: rest.tokenName }),
    grants: rest.grants ?? {},
    ...(rest.expiresAt && { expiresAt: rest.expiresAt }),
    ...(rest.note !== undefined && { note: rest.note }),
    createdAt: now,
  };
}
