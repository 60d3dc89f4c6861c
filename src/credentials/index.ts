export {
  type Authenticator,
  type AuthenticatorOptions,
  createAuthenticator,
} from './authenticator.ts';
export type { CacheOptions } from './credential-reader.ts';
export type { Review } from './identity-review.ts';
export type { HashingOptions } from './secret-check.ts';
export type { ThrottleOptions } from './throttle.ts';
export type { TokenIssuer } from './token-check.ts';
export { createCredentialClient } from './client.ts';
export type { CredentialEvent, RefusalCause } from './events.ts';
export { canonicalUsername } from './username.ts';
export {
  CredentialAdministration,
  CredentialNameError,
  type NewCredential,
  type WrittenCredential,
} from './administration.ts';
export {
  type Credential,
  isInForce,
  liveSecrets,
  MAX_SECRETS,
  type StoredSecret,
} from './credential.ts';
export { checkPassword, makeCredential, makeSecret, type SecretSource } from './make-credential.ts';
export { randomSecret } from './random-secret.ts';
export type { UnreadableRow } from './table.ts';
export { parseVerifier, renderVerifier, type Verifier } from './verifier.ts';
