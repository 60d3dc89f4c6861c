// The sets of a chain, as their text has them (RFC 8617 sections 4 and 5.2, steps 1 to 3).
import type { RawField } from '../header/raw-fields.ts';
import { readSigned, type SignedHash } from '../dkim/signed-hash.ts';
import { type Signature, readSignature } from '../dkim/signature.ts';
import { isProblem, readTagList } from '../dkim/tag-list.ts';

/** The three fields of one instance. */
export interface ArcSet {
  readonly results: RawField;
  readonly messageSignature: RawField;
  readonly seal: RawField;
  readonly signer: SignedHash;
}

export type ArcSets =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'chain';
      /** The oldest first. */
      readonly sets: readonly ArcSet[];
      /** Of the newest set. */
      readonly messageSignature: Signature;
    }
  | {
      readonly kind: 'broken';
      readonly result: 'fail' | 'permerror';
      readonly reason: string;
      readonly instances: number;
    };

const KINDS = {
  'arc-authentication-results': 'results',
  'arc-message-signature': 'messageSignature',
  'arc-seal': 'seal',
} as const;
type Kind = (typeof KINDS)[keyof typeof KINDS];

/** RFC 8617 section 4.2.1 allows 50; each set is a look-up and a signature to verify, and mail in use has one to five. */
export const MOST_SETS = 10;

export function readArcSets(fields: readonly RawField[]): ArcSets {
  const found = new Map<number, Map<Kind, RawField>>();
  for (const field of fields) {
    if (!isArcName(field.name)) continue;
    const kind = KINDS[field.name];
    const instance = readInstance(field, kind);
    if (instance === undefined) return broken(found.size, 'an instance is not 1 to 50');
    const set = found.get(instance) ?? new Map<Kind, RawField>();
    if (set.has(kind)) return broken(found.size, `two fields ${field.name} i=${instance}`);
    found.set(instance, set.set(kind, field));
  }
  if (found.size === 0) return { kind: 'none' };
  if (found.size > MOST_SETS) {
    const reason = `more than ${MOST_SETS} sets are not judged`;
    return { kind: 'broken', result: 'permerror', reason, instances: found.size };
  }
  const sets: ArcSet[] = [];
  for (let instance = 1; instance <= found.size; instance += 1) {
    const set = readSet(instance, found.get(instance));
    if (typeof set === 'string') return broken(found.size, `i=${instance}: ${set}`);
    sets.push(set);
  }
  const newest = sets[sets.length - 1];
  if (newest === undefined) return { kind: 'none' };
  const read = readSignature(newest.messageSignature, 'arc');
  if (!read.ok) return broken(found.size, `ARC-Message-Signature: ${read.reason}`);
  return { kind: 'chain', sets, messageSignature: read.signature };
}

function broken(instances: number, reason: string): ArcSets {
  return { kind: 'broken', result: 'fail', reason, instances };
}

function isArcName(name: string): name is keyof typeof KINDS {
  return Object.hasOwn(KINDS, name);
}

/** The set, or what is wrong with it. */
function readSet(instance: number, set: ReadonlyMap<Kind, RawField> | undefined): ArcSet | string {
  const results = set?.get('results');
  const messageSignature = set?.get('messageSignature');
  const seal = set?.get('seal');
  if (results === undefined || messageSignature === undefined || seal === undefined) {
    return 'the set is not complete';
  }
  const tags = readTagList(valueOf(seal));
  if (isProblem(tags)) return `ARC-Seal has ${tags.problem}`;
  // RFC 8617 section 4.1.3.
  if (tags.has('h')) return 'ARC-Seal has h=';
  const time = tags.get('t');
  if (time !== undefined && !/^[0-9]{1,12}$/.test(time)) return 't= is not a number';
  const status = (tags.get('cv') ?? '').toLowerCase();
  if (status !== (instance === 1 ? 'none' : 'pass'))
    return `cv= is not ${instance === 1 ? 'none' : 'pass'}`;
  const signed = readSigned(tags);
  if (!signed.ok) return `ARC-Seal: ${signed.reason}`;
  return { results, messageSignature, seal, signer: signed.signed };
}

/** Comments are not nested where an instance is looked for. */
const BLANK = String.raw`(?:[ \t\r\n]|\([^()\\]*\))*`;
const RESULTS_INSTANCE = new RegExp(`^${BLANK}i${BLANK}=${BLANK}([0-9]{1,2})${BLANK};`);

function readInstance(field: RawField, kind: Kind): number | undefined {
  const value = valueOf(field);
  let text: string | undefined;
  if (kind === 'results') text = RESULTS_INSTANCE.exec(value)?.[1];
  else {
    const tags = readTagList(value);
    text = isProblem(tags) ? undefined : tags.get('i');
  }
  if (text === undefined || !/^[0-9]{1,2}$/.test(text)) return undefined;
  const instance = Number(text);
  return instance >= 1 && instance <= 50 ? instance : undefined;
}

/** What a sealer says that it found: behind the instance, unfolded. */
export function readResults(field: RawField): string {
  const octets = Buffer.from(valueOf(field).replace(RESULTS_INSTANCE, ''), 'latin1');
  return octets.toString('utf8').replace(/\r?\n/g, '').trim();
}

function valueOf({ text, colon }: RawField): string {
  return text.slice(colon + 1);
}
