// What the exchange of SCRAM is given to check a proof against.
import type { ScramVerifier } from '../smtp/index.ts';
import { type Credential, liveSecrets } from './credential.ts';

/** Those that the exchange may check the proof against. */
export function scramVerifiers(credential: Credential | undefined, now: number): ScramVerifier[] {
  const setting = credential?.scram;
  if (credential === undefined || setting === undefined) return [];
  return liveSecrets(credential, now).flatMap(({ scram }) =>
    scram === undefined ? [] : [{ ...setting, ...scram }],
  );
}

/** Keys that no proof fits, under the salt that the credential has, if it has one. */
export function decoyVerifiers(
  decoy: Credential,
  credential: Credential | undefined,
): ScramVerifier[] {
  const setting = credential?.scram ?? decoy.scram;
  if (setting === undefined) return [];
  return decoy.secrets.flatMap(({ scram }) =>
    scram === undefined ? [] : [{ ...setting, ...scram }],
  );
}
