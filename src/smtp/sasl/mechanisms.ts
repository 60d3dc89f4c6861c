// The mechanisms that the session knows by name.
import { login } from './login.ts';
import type { Mechanism } from './exchange.ts';
import { plain } from './plain.ts';

const known: readonly Mechanism[] = [plain, login];

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
