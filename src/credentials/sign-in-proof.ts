// By what a session has signed in. It is looked for in the credential again at each MAIL: a secret that was rotated out,
// or an issuer that is not allowed any more, ends the sessions that came by it, though the credential is in force.
import type { ScramVerifier } from '../smtp/index.ts';
import { allowsToken, type Credential, liveSecrets } from './credential.ts';
import type { Verifier } from './verifier.ts';

export type SignInProof =
  /** The hash of its verifier tells a secret from all others. */
  | { readonly kind: 'secret'; readonly hash: Buffer }
  | { readonly kind: 'token'; readonly issuer: string; readonly name: string };

export function proofBySecret({ hash }: Verifier): SignInProof {
  return { kind: 'secret', hash };
}

/** `fitting` is the verifier that the client's proof of SCRAM fitted; without it every secret of the credential may be it. */
export function proofByScram(
  credential: Credential,
  fitting: ScramVerifier | undefined,
): SignInProof | undefined {
  const secret = credential.secrets.find(
    ({ scram }) => fitting !== undefined && scram?.storedKey.equals(fitting.storedKey),
  );
  return secret && proofBySecret(secret.verifier);
}

/** Whether the credential still takes what the session signed in by. */
export function stillHolds(proof: SignInProof, credential: Credential, now: number): boolean {
  switch (proof.kind) {
    case 'secret':
      return liveSecrets(credential, now).some(({ verifier }) => verifier.hash.equals(proof.hash));
    case 'token':
      return allowsToken(credential, proof.issuer, proof.name);
  }
}
