// DNS out of a table, for the unit tests of what asks it. The resolver itself is tested against real name servers.
import type { DnsAnswer, MailLookups, RecordType } from '../../src/verify/dns/resolver.ts';

/** By `name TYPE`, the name in lower case: the records, or how the look-up fails. */
export type Zone = Readonly<Record<string, readonly string[] | DnsAnswer>>;

export class ZoneLookups implements MailLookups {
  readonly #zone: ReadonlyMap<string, readonly string[] | DnsAnswer>;
  readonly #names: ReadonlySet<string>;
  /** Each question as `name TYPE`, in the order asked. */
  readonly asked: string[] = [];

  constructor(zone: Zone) {
    this.#zone = new Map(Object.entries(zone).map(([key, value]) => [lowerName(key), value]));
    const names = [...this.#zone.keys()].map((key) => key.slice(0, key.lastIndexOf(' ')));
    // A name exists where one below it does (RFC 8020).
    this.#names = new Set(names.flatMap(namesAbove));
  }

  get count(): number {
    return this.asked.length;
  }

  lookUp(name: string, type: RecordType): Promise<DnsAnswer> {
    this.asked.push(`${name} ${type}`);
    return Promise.resolve(this.#answer(name.toLowerCase(), type));
  }

  #answer(name: string, type: RecordType): DnsAnswer {
    const labels = name.split('.');
    if (name.length > 253 || labels.some((label) => label.length === 0 || label.length > 63)) {
      return { kind: 'no-name' };
    }
    const entry = this.#zone.get(`${name} ${type}`);
    if (entry !== undefined) {
      return 'kind' in entry ? entry : { kind: 'records', records: entry };
    }
    return { kind: this.#names.has(name) ? 'no-data' : 'no-name' };
  }
}

function lowerName(key: string): string {
  const space = key.lastIndexOf(' ');
  return `${key.slice(0, space).toLowerCase()}${key.slice(space)}`;
}

function namesAbove(name: string): string[] {
  const labels = name.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}
