// Whether the chain of a message holds (RFC 8617 section 5.2).
import type { HashOf } from '../dkim/body-forms.ts';
import { canonicalSignature, type SignedFields } from '../dkim/canonical-header.ts';
import type { KeyLookups } from '../dkim/key-lookups.ts';
import type { Canonicalization, Signature } from '../dkim/signature.ts';
import type { SignedHash } from '../dkim/signed-hash.ts';
import { isSignedBy, type Outcome, verifySignature } from '../dkim/verify-signature.ts';
import type { RawField } from '../header/raw-fields.ts';
import type { ArcResult } from './arc-result.ts';
import { type ArcSet, type ArcSets, readArcSets, readResults } from './arc-sets.ts';

export interface ArcMessage {
  readonly fields: SignedFields;
  readonly keys: KeyLookups;
  readonly bodyHashOf: (form: Canonicalization) => HashOf;
  readonly now: number;
  /** Why nothing is judged. */
  readonly problem?: string;
}

type Failure = Pick<ArcResult, 'reason'> & { readonly result: 'fail' | 'temperror' };

export class ArcCheck {
  readonly #chain: ArcSets;
  readonly #trusted: ReadonlySet<string>;

  constructor(fields: readonly RawField[], trusted: readonly string[]) {
    this.#chain = readArcSets(fields);
    this.#trusted = new Set(trusted.map((domain) => domain.toLowerCase()));
  }

  /** The one that must cover the body as it is now. */
  get messageSignature(): Signature | undefined {
    return this.#chain.kind === 'chain' ? this.#chain.messageSignature : undefined;
  }

  /** Whose keys are needed. */
  get signers(): readonly SignedHash[] {
    if (this.#chain.kind !== 'chain') return [];
    return [this.#chain.messageSignature, ...this.#chain.sets.map(({ signer }) => signer)];
  }

  async judge(message: ArcMessage): Promise<ArcResult> {
    const chain = this.#chain;
    if (message.problem !== undefined) {
      return { result: 'permerror', reason: message.problem, instances: 0, trusted: false };
    }
    if (chain.kind === 'none') return { result: 'none', instances: 0, trusted: false };
    if (chain.kind === 'broken') {
      const { result, reason, instances } = chain;
      return { result, reason, instances, trusted: false };
    }
    const { sets, messageSignature } = chain;
    const newest = sets[sets.length - 1] as ArcSet;
    const sealer = newest.signer.domain;
    const known = { instances: sets.length, sealer };
    const signed = await this.#verifyMessageSignature(messageSignature, newest, message);
    const seals = await this.#verifySeals(sets, message);
    const failures = [...failureOf(signed), ...seals];
    // What is wrong with one of them is wrong whatever DNS has still to say of the others.
    const failure = failures.find(({ result }) => result === 'fail') ?? failures[0];
    if (failure !== undefined) return { ...known, ...failure, trusted: false };
    const isTrusted =
      this.#trusted.has(sealer) && signed.partial !== true && messageSignature.domain === sealer;
    return {
      ...known,
      result: 'pass',
      sealers: sets.map(({ signer }) => signer.domain).reverse(),
      trusted: isTrusted,
      ...(isTrusted && { results: readResults(newest.results) }),
    };
  }

  #verifyMessageSignature(
    signature: Signature,
    newest: ArcSet,
    { fields, keys, bodyHashOf, now }: ArcMessage,
  ): Promise<Outcome> {
    const bodyHash = bodyHashOf(signature.bodyForm);
    return verifySignature(
      signature,
      { field: newest.messageSignature, fields, bodyHash, now },
      () => keys.find(signature),
    );
  }

  /** Each seal covers all sets up to its own, in relaxed form (RFC 8617 section 5.1.1). */
  async #verifySeals(
    sets: readonly ArcSet[],
    { fields, keys }: ArcMessage,
  ): Promise<readonly Failure[]> {
    const failures: Failure[] = [];
    let before = '';
    for (const [index, { results, messageSignature, seal, signer }] of sets.entries()) {
      before += fields.field(results, 'relaxed') + fields.field(messageSignature, 'relaxed');
      const text = before + canonicalSignature(seal, 'relaxed');
      before += fields.field(seal, 'relaxed');
      const key = await keys.find(signer);
      const where = `ARC-Seal i=${index + 1}`;
      if (!key.ok) failures.push(asFailure(key.result, `${where}: ${key.reason}`));
      else if (!(await isSignedBy(key, text, signer.octets))) {
        failures.push(asFailure('fail', `${where}: the signature does not match`));
      }
    }
    return failures;
  }
}

function failureOf({ result, reason = '' }: Outcome): Failure[] {
  return result === 'pass' ? [] : [asFailure(result, `ARC-Message-Signature: ${reason}`)];
}

function asFailure(result: Outcome['result'], reason: string): Failure {
  return { result: result === 'temperror' ? 'temperror' : 'fail', reason };
}
