// The mechanisms that the session knows by name.
import { oauthBearer, xoauth2 } from './bearer.ts';
import { external } from './external.ts';
import { login } from './login.ts';
import type { Mechanism } from './exchange.ts';
import { plain } from './plain.ts';
import { scramSha256, scramSha256Plus } from './scram.ts';

const known: readonly Mechanism[] = [
  scramSha256Plus(),
  scramSha256(),
  plain,
  login,
  oauthBearer,
  xoauth2,
  external,
];

/** The mechanism of that name in capitals, an embedder's own before ours. */
export function findMechanism(
  name: string,
  custom: readonly Mechanism[] | undefined,
): Mechanism | undefined {
  return (
    custom?.find((mechanism) => mechanism.name === name) ??
    known.find((mechanism) => mechanism.name === name)
  );
}
