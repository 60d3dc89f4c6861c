import type { WrittenCredential } from '../../credentials/index.ts';
import type { CredentialsCliContext } from './context.ts';

/** Prints a new secret to a person. */
export function tellOnce(
  { stdout, stderr }: CredentialsCliContext,
  { credential, generated }: WrittenCredential,
): void {
  if (generated === undefined) {
    stdout.write(`username  ${credential.username}\n`);
    return;
  }
  stdout.write(`username  ${credential.username}\npassword  ${generated}\n`);
  stderr.write('The password is shown this once and stored nowhere.\n');
}
