// The keys of one mail: asked all at once, each name once.
import type { DnsAnswer, MailLookups } from '../../dns/resolver.ts';
import type { KeyCache } from './key-cache.ts';
import type { KeyRecord, UsableKey } from './key-record.ts';
import type { SignedHash } from './signed-hash.ts';

export type Key =
  | UsableKey
  | {
      readonly ok: false;
      readonly result: 'permerror' | 'policy' | 'temperror';
      readonly reason: string;
    };

type Signer = Pick<SignedHash, 'domain' | 'selector' | 'keyType'>;

/** A name should have one record; what stands behind the first of these is not read. */
const MOST_RECORDS = 5;
const MOST_NAME_OCTETS = 253;

export class KeyLookups {
  readonly #lookups: MailLookups;
  readonly #cache: KeyCache;
  readonly #answers = new Map<string, Promise<DnsAnswer>>();

  constructor(lookups: MailLookups, cache: KeyCache) {
    this.#lookups = lookups;
    this.#cache = cache;
  }

  /** Asks for the key, unless it was asked for before. */
  begin({ selector, domain }: Signer): Promise<DnsAnswer> {
    const name = `${selector}._domainkey.${domain}`;
    const known = this.#answers.get(name);
    if (known !== undefined) return known;
    const answer = this.#ask(name);
    this.#answers.set(name, answer);
    return answer;
  }

  async find(signer: Signer): Promise<Key> {
    const answer = await this.begin(signer);
    if (answer.kind === 'failed') {
      return { ok: false, result: 'temperror', reason: `DNS: ${answer.reason}` };
    }
    if (answer.kind !== 'records') return NO_KEY;
    const records = answer.records.slice(0, MOST_RECORDS).map((text) => this.#cache.read(text));
    // RFC 6376 section 3.6.2.2 leaves open which of several records is read: the first one that fits.
    const fitting = records.find((record) => record.ok && record.type === signer.keyType);
    return fitting ?? whyNone(records);
  }

  #ask(name: string): Promise<DnsAnswer> {
    if (name.length > MOST_NAME_OCTETS) return Promise.resolve({ kind: 'no-name' });
    return this.#lookups.lookUp(name, 'TXT');
  }
}

const NO_KEY: Key = { ok: false, result: 'permerror', reason: 'no key' };

function whyNone([first]: readonly KeyRecord[]): Key {
  if (first === undefined) return NO_KEY;
  // RFC 6376 section 6.1.2, step 7.
  return first.ok
    ? { ok: false, result: 'permerror', reason: 'the key is not of the type of a=' }
    : first;
}
