// DNS for the checks of a sender, answered from a zone in text: no socket, and every question can be counted.
import type { DnsAnswer, MailLookups, RecordType } from '../../../src/verify/dns/resolver.ts';

/** Look-ups in lines of `name TYPE data`; data `FAIL` is a DNS failure, and `EXISTS` a name without records. */
export class ZoneLookups implements MailLookups {
  readonly questions: string[] = [];
  readonly #records: { name: string; type: string; data: string }[] = [];

  constructor(zone: string) {
    for (const line of zone.split('\n')) {
      const [, name = '', type = '', data = ''] = /^\s*(\S+) (\S+) ?(.*?)\s*$/.exec(line) ?? [];
      if (name !== '') this.#records.push({ name: name.toLowerCase(), type, data });
    }
  }

  get count(): number {
    return this.questions.length;
  }

  async lookUp(name: string, type: RecordType): Promise<DnsAnswer> {
    this.questions.push(`${name} ${type}`);
    const key = name.toLowerCase();
    const matching = this.#records.filter((each) => each.name === key && each.type === type);
    if (matching.some(({ data }) => data === 'FAIL')) return { kind: 'failed', reason: 'servfail' };
    if (matching.length > 0) return { kind: 'records', records: matching.map(({ data }) => data) };
    // RFC 8020: a name exists where one below it does.
    const exists = this.#records.some((each) => each.name === key || each.name.endsWith(`.${key}`));
    return { kind: exists ? 'no-data' : 'no-name' };
  }
}
