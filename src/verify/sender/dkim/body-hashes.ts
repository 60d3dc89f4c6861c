import { BodyDigest } from './body-digest.ts';
import { type BodyForm, type HashOf, RelaxedBody, SimpleBody } from './body-forms.ts';
import type { Canonicalization, Signature } from './signature.ts';

/** The hashes of a body that its signatures need: each canonical form is made once, whatever their number. */
export class BodyHashes {
  readonly #forms: Readonly<Partial<Record<Canonicalization, BodyForm>>>;
  readonly #hashes: Partial<Record<Canonicalization, HashOf>> = {};

  constructor(signatures: readonly Pick<Signature, 'bodyForm' | 'bodyLimit'>[]) {
    const digest = (form: Canonicalization): BodyDigest | undefined => {
      const same = signatures.filter(({ bodyForm }) => bodyForm === form);
      if (same.length === 0) return undefined;
      return new BodyDigest(same.flatMap(({ bodyLimit }) => bodyLimit ?? []));
    };
    const simple = digest('simple');
    const relaxed = digest('relaxed');
    this.#forms = {
      ...(simple !== undefined && { simple: new SimpleBody(simple) }),
      ...(relaxed !== undefined && { relaxed: new RelaxedBody(relaxed) }),
    };
  }

  write(octets: Buffer): void {
    this.#forms.simple?.write(octets);
    this.#forms.relaxed?.write(octets);
  }

  /** The body is whole. */
  end(): void {
    for (const form of ['simple', 'relaxed'] as const) {
      const hash = this.#forms[form]?.end();
      if (hash !== undefined) this.#hashes[form] = hash;
    }
  }

  /** The hash in a form that one of the signatures has, once the body is whole. */
  of(form: Canonicalization): HashOf {
    return this.#hashes[form] ?? (() => undefined);
  }
}
