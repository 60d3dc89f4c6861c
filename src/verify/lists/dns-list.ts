// One list: tested again and again, and asked while it passes.
import type { MailLookups, Resolver } from '../dns/resolver.ts';
import type { ListFinding } from '../judgement.ts';
import type { DnsListOptions, ListEvent, ListsOptions, UnknownReason } from './dns-list-options.ts';
import { readListAnswer } from './list-answer.ts';
import { listText } from './list-text.ts';
import { addressQuery, domainQuery } from './query-name.ts';
import { type TestResult, testList } from './self-test.ts';

const TEST_MILLISECONDS = 5000;
const RETEST_MILLISECONDS = 3_600_000;
const RETRY_MILLISECONDS = 60_000;
/** At most six questions a test. */
const TEST_LOOKUPS = 6;

/** A finding, with the addresses that the list answered. */
export interface ListEntry {
  readonly finding: ListFinding;
  readonly codes: readonly string[];
}

export class DnsList {
  readonly zone: string;
  readonly action: DnsListOptions['action'];
  readonly #options: DnsListOptions;
  readonly #asked: string;
  readonly #resolver: Resolver;
  readonly #millis: { readonly test: number; readonly retest: number; readonly retry: number };
  readonly #observe: (event: ListEvent) => void;
  readonly #first: Promise<TestResult>;
  #last: TestResult | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Throws a RangeError where the zone or the key is not made of labels; without the key in its message. */
  constructor(list: DnsListOptions, options: ListsOptions) {
    const zone = domainQuery(list.zone);
    if (zone === undefined) {
      throw new RangeError(`list: expected the name of a DNS zone, got ${list.zone}`);
    }
    if (list.key !== undefined && !/^[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/i.test(list.key)) {
      throw new RangeError(`list ${zone}: expected a key of letters, digits and hyphens`);
    }
    this.zone = zone;
    this.action = list.action;
    this.#options = list;
    this.#asked = list.key === undefined ? zone : `${list.key}.${zone}`;
    this.#resolver = options.resolver;
    this.#millis = {
      test: options.testTimeoutMillis ?? TEST_MILLISECONDS,
      retest: options.retestMillis ?? RETEST_MILLISECONDS,
      retry: options.retryMillis ?? RETRY_MILLISECONDS,
    };
    this.#observe = options.observe ?? (() => {});
    this.#first = this.#test();
  }

  /** The result of the first test. */
  async tested(): Promise<Extract<ListEvent, { kind: 'list-test' }>> {
    return this.#testEvent(await this.#first);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** What the list says of the address or of the domains; nothing where it is not asked. */
  async ask(
    lookups: MailLookups,
    clientAddress: string,
    domains: readonly string[],
    untested: Promise<void>,
  ): Promise<readonly ListEntry[]> {
    // Until the first test is over, a mail waits for it as for an answer.
    if (this.#last === undefined) await Promise.race([this.#first, untested]);
    const test = this.#last;
    if (test?.kind !== 'passed') {
      return this.#expectedSubjects(clientAddress, domains).map((subject) =>
        this.#unknown(subject, 'untested'),
      );
    }
    if (test.entries === 'domain') {
      return Promise.all(domains.map((domain) => this.#lookUp(lookups, domain, domain)));
    }
    const query = addressQuery(clientAddress);
    if (query === undefined || (query.version === 6 && !test.hasIpv6)) return [];
    return [await this.#lookUp(lookups, clientAddress, query.name)];
  }

  /** What it would be asked about. */
  #expectedSubjects(clientAddress: string, domains: readonly string[]): readonly string[] {
    const addresses = addressQuery(clientAddress) === undefined ? [] : [clientAddress];
    const { kind } = this.#options;
    if (kind !== undefined) return kind === 'address' ? addresses : domains;
    return [...addresses, ...domains].slice(0, 1);
  }

  async #lookUp(lookups: MailLookups, subject: string, name: string): Promise<ListEntry> {
    const question = `${name}.${this.#asked}`;
    const answer = readListAnswer(await lookups.lookUp(question, 'A'));
    if (answer.kind === 'unknown') return this.#unknown(subject, answer.reason);
    const { zone } = this;
    if (answer.kind === 'not-listed') {
      return { finding: { zone, subject, result: 'not-listed' }, codes: [] };
    }
    const text = listText(await lookups.lookUp(question, 'TXT'), this.#options.key);
    const { codes } = answer;
    const finding = {
      zone,
      subject,
      result: 'listed',
      ...(text !== undefined && { text }),
    } as const;
    return { finding, codes };
  }

  #unknown(subject: string, reason: UnknownReason): ListEntry {
    this.#observe({ kind: 'list-unknown', zone: this.zone, reason });
    return { finding: { zone: this.zone, subject, result: 'unknown' }, codes: [] };
  }

  async #test(): Promise<TestResult> {
    const deadline = performance.now() + this.#millis.test;
    const lookups = this.#resolver.forMail(deadline, { most: TEST_LOOKUPS });
    const result = await testList(lookups, this.#asked, this.#options.kind);
    if (this.#isClosed) return result;
    this.#last = result;
    this.#observe(this.#testEvent(result));
    const wait = result.kind === 'passed' ? this.#millis.retest : this.#millis.retry;
    this.#timer = setTimeout(() => void this.#test(), wait).unref();
    return result;
  }

  #testEvent(result: TestResult): Extract<ListEvent, { kind: 'list-test' }> {
    const { zone } = this;
    if (result.kind === 'failed') {
      return { kind: 'list-test', zone, result: 'failed', fault: result.fault };
    }
    const { entries, hasIpv6 } = result;
    return { kind: 'list-test', zone, result: 'passed', entries, hasIpv6 };
  }
}
