// The look-ups of one SPF check, with the limits of RFC 7208 section 4.6.4 and one on their number in all: ten terms with ten
// hosts each would make over a hundred queries.
import type { SpfResolver } from 'mailauth/lib/spf/spf-verify.js';
import { nameKey } from '../../dns/name.ts';
import { nodeRecords } from '../../dns/node-records.ts';
import type { DnsAnswer, MailLookups, RecordType } from '../../dns/resolver.ts';

/** Terms that cause look-ups. */
const MOST_TERMS = 10;
/** Look-ups of terms that find nothing. */
const MOST_VOID = 2;
/** Hosts of one `mx` term. The names of a `ptr` term are cut to as many by the library. */
const MOST_HOSTS = 10;
/** Queries of one check. */
export const MOST_QUERIES = 50;
/** Of one record; the library's time is quadratic in the number of its modifiers. */
const MOST_RECORD_OCTETS = 8192;
/** Of an explanation before its macros are expanded; a longer one is none. */
const MOST_EXPLANATION_OCTETS = 1024;
/** An explanation is not worth more waiting. */
const EXPLANATION_MILLIS = 1000;

/** Ends the evaluation; the library takes the result from it. */
export class SpfError extends Error {
  readonly spfResult: { readonly error: 'permerror' | 'temperror'; readonly text: string };

  constructor(error: 'permerror' | 'temperror', text: string) {
    super(text);
    this.spfResult = { error, text };
  }
}

export class SpfLookups {
  readonly #lookups: MailLookups;
  readonly #answers = new Map<string, Promise<DnsAnswer>>();
  /** The record of the domain itself is not a term. */
  #terms = -1;
  #void = 0;

  constructor(lookups: MailLookups) {
    this.#lookups = lookups;
  }

  /** For terms: mechanisms and `redirect`. */
  readonly ofTerms: SpfResolver = async (name, type) => {
    this.#terms += 1;
    if (this.#terms > MOST_TERMS) {
      throw new SpfError('permerror', `more than ${MOST_TERMS} terms cause look-ups`);
    }
    const answer = await this.#ask(name, type);
    if (answer.kind === 'no-name' || answer.kind === 'no-data') {
      this.#void += 1;
      if (this.#void > MOST_VOID) {
        throw new SpfError('permerror', `more than ${MOST_VOID} look-ups find nothing`);
      }
    }
    const records = recordsOf(answer, name);
    if (type === 'TXT') checkLength(records);
    return nodeRecords(type as RecordType, records);
  };

  /** For the addresses of the hosts of one term. */
  readonly ofHosts = (): SpfResolver => {
    let hosts = 0;
    return async (name, type) => {
      hosts += 1;
      if (hosts > MOST_HOSTS) {
        throw new SpfError('permerror', `more than ${MOST_HOSTS} hosts of one term`);
      }
      return [...recordsOf(await this.#ask(name, type), name)];
    };
  };

  /** For the explanation, which is not waited for long. */
  readonly ofExplanation: SpfResolver = async (name, type) => {
    const asked = this.#ask(name, type);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<DnsAnswer>((resolve) => {
      timer = setTimeout(resolve, EXPLANATION_MILLIS, { kind: 'failed', reason: 'timeout' });
    });
    const answer = await Promise.race([asked, late]);
    clearTimeout(timer);
    const records = recordsOf(answer, name);
    return nodeRecords(
      type as RecordType,
      records.filter((record) => record.length <= MOST_EXPLANATION_OCTETS),
    );
  };

  /** Each question once. */
  #ask(name: string, type: string): Promise<DnsAnswer> {
    const question = `${type} ${nameKey(name)}`;
    const known = this.#answers.get(question);
    if (known !== undefined) return known;
    if (this.#answers.size >= MOST_QUERIES) {
      throw new SpfError('permerror', `more than ${MOST_QUERIES} queries`);
    }
    const answer = this.#lookups.lookUp(name, type as RecordType);
    this.#answers.set(question, answer);
    return answer;
  }
}

function recordsOf(answer: DnsAnswer, name: string): readonly string[] {
  if (answer.kind === 'failed') {
    throw new SpfError('temperror', `DNS: ${answer.reason} for ${name}`);
  }
  return answer.kind === 'records' ? answer.records : [];
}

function checkLength(records: readonly string[]): void {
  if (records.some((text) => text.length > MOST_RECORD_OCTETS && /^v=spf1(?: |$)/i.test(text))) {
    throw new SpfError('permerror', `the record has more than ${MOST_RECORD_OCTETS} octets`);
  }
}
