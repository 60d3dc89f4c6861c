// The DNS tree walk of DMARC (RFC 9989 section 4.10). All names of a walk are asked at once: at most eight, most of them in
// the cache, and no answer has to wait for another.
import type { MailLookups } from '../../dns/resolver.ts';
import { isPolicyText, parsePolicyRecord, type PolicyRecord } from './policy-record.ts';

export interface FoundRecord {
  readonly domain: string;
  readonly record: PolicyRecord;
}

export interface Walk {
  /** The records that count, that of the longest name first. */
  readonly found: readonly FoundRecord[];
  /** DNS failed at a name that the walk had to pass: what is above it is not known. */
  readonly isCutShort: boolean;
}

/** A longer name is shortened to so many labels after its first question. */
const LABELS = 7;

/** The walks of one mail: each name is asked once. */
export class TreeWalks {
  #lookups: MailLookups;
  readonly #records = new Map<string, Promise<PolicyRecord | undefined | 'failed'>>();
  readonly #walks = new Map<string, Promise<Walk>>();

  constructor(lookups: MailLookups) {
    this.#lookups = lookups;
  }

  /** Names that were not asked before are asked by these look-ups. */
  continueWith(lookups: MailLookups): void {
    this.#lookups = lookups;
  }

  /** `domain` is normalized. */
  walk(domain: string): Promise<Walk> {
    let walk = this.#walks.get(domain);
    if (walk === undefined) {
      walk = this.#walk(domain);
      this.#walks.set(domain, walk);
    }
    return walk;
  }

  /** Whether any record has that name (RFC 9989 appendix A.4); `undefined`: DNS failed. */
  async exists(domain: string): Promise<boolean | undefined> {
    const address = await this.#lookups.lookUp(domain, 'A');
    if (address.kind === 'failed') return undefined;
    if (address.kind !== 'no-name') return true;
    // The name may be an alias of one that does not exist (RFC 6604 section 3).
    const alias = await this.#lookups.lookUp(domain, 'CNAME');
    return alias.kind === 'failed' ? undefined : alias.kind === 'records';
  }

  async #walk(domain: string): Promise<Walk> {
    const names = namesOf(domain);
    const records = await Promise.all(names.map((name) => this.#recordAt(name)));
    const found: FoundRecord[] = [];
    for (const [index, record] of records.entries()) {
      if (record === 'failed') return { found, isCutShort: true };
      if (record === undefined) continue;
      const name = names[index] ?? '';
      // Stricter than RFC 9989 section 4.10.2: without the tag that section 5.2 demands of it, the record of a top-level
      // domain would make one organization of all domains below it.
      const psd = record.psd === 'u' && !name.includes('.') ? 'y' : record.psd;
      found.push({ domain: name, record: { ...record, psd } });
      if (psd !== 'u') break;
    }
    return { found, isCutShort: false };
  }

  #recordAt(name: string): Promise<PolicyRecord | undefined | 'failed'> {
    let record = this.#records.get(name);
    if (record === undefined) {
      record = this.#lookUp(`_dmarc.${name}`);
      this.#records.set(name, record);
    }
    return record;
  }

  /** Several policy records at one name are none (step 2). */
  async #lookUp(name: string): Promise<PolicyRecord | undefined | 'failed'> {
    const answer = await this.#lookups.lookUp(name, 'TXT');
    if (answer.kind === 'failed') return 'failed';
    if (answer.kind !== 'records') return undefined;
    const texts = answer.records.filter(isPolicyText);
    const [text] = texts;
    return texts.length === 1 && text !== undefined ? parsePolicyRecord(text) : undefined;
  }
}

/** The names that a walk from `domain` asks, the longest first. */
function namesOf(domain: string): string[] {
  const labels = domain.split('.');
  const names = [domain];
  const from = labels.length > LABELS ? labels.length - LABELS : 1;
  for (let at = from; at < labels.length; at += 1) names.push(labels.slice(at).join('.'));
  return names;
}

/** The organizational domain that a whole walk from `domain` finds (RFC 9989 section 4.10.2). */
export function organizationalDomain(domain: string, { found }: Walk): string {
  for (const { domain: name, record } of found) {
    if (record.psd === 'n') return name;
    if (record.psd === 'y' && name !== domain) {
      const labels = name.split('.').length + 1;
      return domain.split('.').slice(-labels).join('.');
    }
  }
  return found.at(-1)?.domain ?? domain;
}
