// A SASL exchange of which a sign-in hook gave the verifiers: what the hook says of the client's proof.
import type { Question, SignInAnswer } from '../smtp/index.ts';
import { toRefusal } from './ask-hooks.ts';
import { requireSettlement } from './boundary/sign-in-answers.ts';
import { isPromise, type Now } from './hooks.ts';
import { refusalOf } from './refusal.ts';

type Settlement = Extract<Question, { kind: 'settle-sign-in' }>;
type Verification = Extract<SignInAnswer, { kind: 'verify' }>;

/** Keeps the last `verify` answer of a session, whose `settle` is called once. */
export class AwaitedProof {
  #verification: Verification | undefined;

  get isAwaited(): boolean {
    return this.#verification !== undefined;
  }

  await(verification: Verification): void {
    this.#verification = verification;
  }

  /** The proof was checked. Throws, or rejects with, a `HookAnswerError` where the answer is not one to it. */
  settle({ proved, fitting }: Settlement): Now<SignInAnswer> {
    const verification = this.#verification;
    this.#verification = undefined;
    if (!verification) throw new Error('expected a verify answer before, got none');
    try {
      const settled: unknown = verification.settle(proved, fitting);
      if (!isPromise(settled)) return requireSettlement(settled, proved);
      return Promise.resolve(settled)
        .then((later) => requireSettlement(later, proved))
        .catch(toRefusal);
    } catch (error) {
      return toRefusal(error);
    }
  }

  /** The exchange ended before the client proved anything: that counts as a wrong proof, and its answer goes nowhere. */
  abandon(fail: (error: unknown) => void): void {
    const verification = this.#verification;
    if (!verification) return;
    this.#verification = undefined;
    try {
      const settled: unknown = verification.settle(false);
      if (isPromise(settled)) Promise.resolve(settled).then(undefined, toRefusal).catch(fail);
    } catch (error) {
      if (refusalOf(error) === undefined) fail(error);
    }
  }
}
