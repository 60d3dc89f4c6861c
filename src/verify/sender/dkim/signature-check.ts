// DKIM and ARC of one message, in one pass over it: the signatures share the canonical forms of the body. Nothing of the
// body is kept; what a message can make this do is bounded by the limits here and by the size of its header section.
import type { MailLookups } from '../../dns/resolver.ts';
import { ArcCheck } from '../arc/arc-check.ts';
import type { ArcResult } from '../arc/arc-result.ts';
import { fieldText, type HeaderOctets } from '../header/header-octets.ts';
import { type RawField, readRawFields } from '../header/raw-fields.ts';
import { BodyHashes } from './body-hashes.ts';
import { SignedFields } from './canonical-header.ts';
import type { DkimResult } from './dkim-result.ts';
import type { KeyCache } from './key-cache.ts';
import { KeyLookups } from './key-lookups.ts';
import { type ReadSignature, readSignature } from './signature.ts';
import { verifySignature } from './verify-signature.ts';

export interface SignatureOptions {
  readonly dkim: boolean;
  readonly arc: boolean;
  readonly lookups: MailLookups;
  /** One for the process. */
  readonly keys: KeyCache;
  /** Domains whose seals are believed. Default none. */
  readonly arcTrusted?: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface SignatureResults {
  /**
   * From the top of the header section; at most `MOST_SIGNATURES`. At least one `permerror` where the header section exceeds
   * a limit: there may be signatures in what was not read.
   */
  readonly dkim: readonly DkimResult[];
  /** How many signatures more the message has. */
  readonly unjudged: number;
  readonly arc: ArcResult;
}

/** So many DKIM signatures are judged. */
export const MOST_SIGNATURES = 10;
/** In a header section with more, no signature is judged. */
export const MOST_FIELDS = 1000;

interface Waiting {
  readonly field: RawField;
  readonly read: ReadSignature;
}

export class SignatureCheck {
  readonly #options: SignatureOptions;
  readonly #keys: KeyLookups;
  #signatures: readonly Waiting[] = [];
  #unjudged = 0;
  #arc: ArcCheck | undefined;
  #fields = new SignedFields([]);
  #bodies = new BodyHashes([]);
  /** Why no signature is judged. */
  #problem: string | undefined;

  constructor(options: SignatureOptions) {
    this.#options = options;
    this.#keys = new KeyLookups(options.lookups, options.keys);
  }

  /** The header section is there: the look-ups of the keys begin. */
  begin(header: HeaderOctets): void {
    const fields = readRawFields(fieldText(header), MOST_FIELDS);
    if (header.kind === 'over-bound') this.#problem = 'the header section is too long';
    else if (fields.length > MOST_FIELDS) {
      this.#problem = `the header section has more than ${MOST_FIELDS} fields`;
    }
    const signed = this.#options.dkim ? fields.filter(({ name }) => name === 'dkim-signature') : [];
    this.#unjudged = Math.max(signed.length - MOST_SIGNATURES, 0);
    this.#signatures = signed
      .slice(0, MOST_SIGNATURES)
      .map((field) => ({ field, read: readSignature(field, 'dkim') }));
    if (this.#options.arc) this.#arc = new ArcCheck(fields, this.#options.arcTrusted ?? []);
    if (this.#problem !== undefined) return;

    this.#fields = new SignedFields(fields);
    const readable = this.#signatures.flatMap(({ read }) => (read.ok ? [read.signature] : []));
    const ofArc = this.#arc?.messageSignature;
    this.#bodies = new BodyHashes(ofArc === undefined ? readable : [...readable, ofArc]);
    for (const signature of readable) void this.#keys.begin(signature);
    for (const signer of this.#arc?.signers ?? []) void this.#keys.begin(signer);
  }

  /** Octets of the body from `from` on. Keeps none of them. */
  write(body: Buffer, from = 0): void {
    this.#bodies.write(from === 0 ? body : body.subarray(from));
  }

  /** The message is whole. Never rejects; waits for DNS no longer than the look-ups do. */
  async end(): Promise<SignatureResults> {
    this.#bodies.end();
    // One after the other: all keys were asked for, and each verification may hold the thread.
    const dkim: DkimResult[] = [];
    for (const waiting of this.#signatures) dkim.push(await this.#judge(waiting));
    const arc = await this.#judgeArc();
    const { dkim: isWanted } = this.#options;
    if (isWanted && this.#problem !== undefined && dkim.length === 0) {
      dkim.push({ domain: '', selector: '', result: 'permerror', reason: this.#problem });
    }
    return { dkim, unjudged: this.#unjudged, arc };
  }

  async #judge({ field, read }: Waiting): Promise<DkimResult> {
    const { claim } = read;
    if (this.#problem !== undefined) {
      return { ...claim, result: 'permerror', reason: this.#problem };
    }
    if (!read.ok) return { ...claim, result: read.result, reason: read.reason };
    const { signature } = read;
    const signed = {
      field,
      fields: this.#fields,
      bodyHash: this.#bodies.of(signature.bodyForm),
      now: this.#options.now,
    };
    return {
      ...claim,
      identity: claim.identity ?? `@${claim.domain}`,
      ...(await verifySignature(signature, signed, () => this.#keys.find(signature))),
    };
  }

  #judgeArc(): Promise<ArcResult> {
    if (this.#arc === undefined) {
      return Promise.resolve({ result: 'none', instances: 0, trusted: false });
    }
    return this.#arc.judge({
      fields: this.#fields,
      keys: this.#keys,
      bodyHashOf: (form) => this.#bodies.of(form),
      now: this.#options.now,
      ...(this.#problem !== undefined && { problem: this.#problem }),
    });
  }
}
