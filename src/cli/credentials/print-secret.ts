import type { WrittenCredential } from '../../credentials/index.ts';
import type { CliContext } from '../frame/context.ts';

/** Prints a new secret to a person. */
export function printSecret(
  { stdout, stderr }: CliContext,
  { credential, generated }: WrittenCredential,
): void {
  if (generated === undefined) {
    stdout.write(`username  ${credential.username}\n`);
    return;
  }
  stdout.write(`username  ${credential.username}\npassword  ${generated}\n`);
  stderr.write('The password is shown only once and is not stored.\n');
}
