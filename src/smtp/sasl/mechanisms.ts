// The SASL mechanisms, and which of them a session offers.
import { oauthBearer, xoauth2 } from './bearer.ts';
import { external } from './external.ts';
import { login } from './login.ts';
import type { ExchangeContext, Mechanism } from './exchange.ts';
import { plain } from './plain.ts';
import { scramSha256, scramSha256Plus } from './scram.ts';
import type { SessionFacts } from '../session-facts.ts';
import type { SessionOptions } from '../session-options.ts';

const known: readonly Mechanism[] = [
  scramSha256Plus(),
  scramSha256(),
  plain,
  login,
  oauthBearer,
  xoauth2,
  external,
];

/** The names of the mechanisms that need no code of the embedder's. */
export const knownMechanisms: readonly string[] = known.map(({ name }) => name);

/** The mechanism of that name, in capitals. An embedder's mechanism goes before ours of the same name. */
export function findMechanism(
  name: string,
  custom: readonly Mechanism[] | undefined,
): Mechanism | undefined {
  return (
    custom?.find((mechanism) => mechanism.name === name) ??
    known.find((mechanism) => mechanism.name === name)
  );
}

/** Whether AUTH may be used on a connection as safe as this one. */
export function isSafeForAuth(options: SessionOptions, facts: SessionFacts): boolean {
  return facts.tls !== null || options.allowInsecureAuth;
}

/** The mechanisms that work now, in the order of the options. */
export function offeredMechanisms(options: SessionOptions, context: ExchangeContext): string[] {
  const { facts } = context;
  if (options.auth === 'none' || facts.identity !== null || !isSafeForAuth(options, facts)) {
    return [];
  }
  return options.mechanisms.filter(
    (name) => findMechanism(name, options.customMechanisms)?.isOffered(context) === true,
  );
}
