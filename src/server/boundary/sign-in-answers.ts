// What the answer of a sign-in hook must be: it decides who may do what, so nothing in it is guessed.
import {
  type Identity,
  isSafeName,
  type ScramVerifier,
  type SignInAnswer,
  type SignInAttempt,
} from '../../smtp/index.ts';
import { HookAnswerError } from '../errors.ts';
import { type Place, requireReply } from './replies.ts';
import { describe } from './show.ts';

const DIGEST_OCTETS = 32;
const NAME_CHARACTERS = 1024;

type Verify = Extract<SignInAnswer, { kind: 'verify' }>;

/** Throws a `HookAnswerError` unless it is an answer to this attempt; `undefined` stands for none. */
export function requireSignInAnswer(
  said: unknown,
  attempt: SignInAttempt,
  refused: SignInAnswer,
): SignInAnswer | undefined {
  if (said === undefined) return undefined;
  if (said === false) return refused;
  if (said === true) {
    if (attempt.kind === 'scram') {
      fail(
        `expected a verify answer to ${attempt.mechanism}, whose proof is checked here, got true`,
      );
    }
    const username = nameIn(attempt);
    if (username === '') {
      fail('expected an answer with an identity, because the client named no user, got true');
    }
    return { kind: 'accept', identity: { username, mechanism: attempt.mechanism } };
  }
  if (typeof said !== 'object' || said === null) {
    return fail(`expected nothing, true, false, a reply or a SignInAnswer, got ${describe(said)}`);
  }
  if (!('kind' in said)) return { kind: 'refuse', reply: requireReply(said, 'onSignIn') };
  if (said.kind === 'verify' && attempt.kind === 'scram') return requireVerify(said);
  if (said.kind === 'accept' && attempt.kind !== 'scram') return requireAccept(said);
  if (said.kind === 'refuse') return requireRefuse(said);
  const kinds = attempt.kind === 'scram' ? 'verify or refuse' : 'accept or refuse';
  return fail(`kind: expected ${kinds} for ${attempt.mechanism}, got ${kindOf(said.kind)}`);
}

/** The same for what `settle` answered. */
export function requireSettlement(said: unknown, proved: boolean): SignInAnswer {
  if (typeof said === 'object' && said !== null && 'kind' in said) {
    if (said.kind === 'refuse') return requireRefuse(said);
    if (said.kind === 'accept' && proved) return requireAccept(said);
    const kinds = proved ? 'accept or refuse' : 'refuse, because the proof was wrong';
    return fail(`settle: kind: expected ${kinds}, got ${kindOf(said.kind)}`);
  }
  return fail(`settle: expected a SignInAnswer, got ${describe(said)}`);
}

/** Throws a `HookAnswerError` unless it says who signed in. */
export function requireIdentity(given: unknown, place: Place = 'onSignIn'): Identity {
  if (typeof given !== 'object' || given === null) {
    return fail(`identity: expected { username, mechanism }, got ${describe(given)}`, place);
  }
  for (const name of ['username', 'mechanism'] as const) {
    const found = (given as Readonly<Record<string, unknown>>)[name];
    const isName =
      typeof found === 'string' &&
      found !== '' &&
      found.length <= NAME_CHARACTERS &&
      isSafeName(found);
    if (isName) continue;
    const expected = `a string of 1 to ${NAME_CHARACTERS} characters, none of them a control`;
    fail(`identity.${name}: expected ${expected}, got ${describe(found)}`, place);
  }
  return given as Identity;
}

function requireAccept(said: { kind: unknown }): SignInAnswer {
  const { identity } = said as { identity?: unknown };
  return { kind: 'accept', identity: requireIdentity(identity) };
}

function requireRefuse(said: { kind: unknown }): SignInAnswer {
  const { reply } = said as { reply?: unknown };
  return { kind: 'refuse', reply: requireReply(reply, 'onSignIn', 'a reply in the refusal') };
}

function requireVerify(said: { kind: unknown }): SignInAnswer {
  const { verifiers, settle } = said as { verifiers?: unknown; settle?: unknown };
  if (typeof settle !== 'function') {
    return fail(`settle: expected a function, got ${describe(settle)}`);
  }
  if (!Array.isArray(verifiers) || verifiers.length === 0) {
    return fail(`verifiers: expected an array of at least one, got ${describe(verifiers)}`);
  }
  const checked: readonly ScramVerifier[] = Array.from(verifiers, requireVerifier);
  const [first] = checked;
  for (const { salt, iterations } of checked) {
    if (first && salt.equals(first.salt) && iterations === first.iterations) continue;
    fail('verifiers: expected one salt and iteration count in all of them, got several');
  }
  // With its `this`, and called by the server alone.
  return { kind: 'verify', verifiers: checked, settle: (said as Verify).settle.bind(said) };
}

function requireVerifier(given: unknown, index: number): ScramVerifier {
  const path = `verifiers[${index}]`;
  if (typeof given !== 'object' || given === null) {
    return fail(`${path}: expected a ScramVerifier, got ${describe(given)}`);
  }
  const { salt, iterations, storedKey, serverKey } = given as Readonly<Record<string, unknown>>;
  if (!Buffer.isBuffer(salt) || salt.length === 0) {
    return fail(`${path}.salt: expected a Buffer, got ${describe(salt)}`);
  }
  if (!Number.isSafeInteger(iterations) || Number(iterations) < 1) {
    return fail(`${path}.iterations: expected a whole number from 1, got ${describe(iterations)}`);
  }
  for (const [name, key] of Object.entries({ storedKey, serverKey })) {
    if (Buffer.isBuffer(key) && key.length === DIGEST_OCTETS) continue;
    const expected = `a Buffer of ${DIGEST_OCTETS} octets`;
    fail(`${path}.${name}: expected ${expected}, got ${describe(key)}`);
  }
  return given as ScramVerifier;
}

/** The name under which the client would be signed in; `''` where it named none. */
function nameIn(attempt: Exclude<SignInAttempt, { kind: 'scram' }>): string {
  if (attempt.kind !== 'certificate') return attempt.username;
  return attempt.authorizationId === '' ? attempt.subject : attempt.authorizationId;
}

function kindOf(kind: unknown): string {
  const known = ['accept', 'refuse', 'verify'].find((each) => each === kind);
  return known ?? describe(kind);
}

function fail(detail: string, place: Place = 'onSignIn'): never {
  throw new HookAnswerError(place, detail);
}
