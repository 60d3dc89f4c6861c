// DNS lists of addresses (DNSBL) and domains (RHSBL), asked beside the session.
import type { SenderRefusal } from '../judgement.ts';
import { DnsList, type ListEntry } from './dns-list.ts';
import type {
  DnsLists,
  ListEvent,
  ListLookups,
  ListResult,
  ListsOptions,
  ListSubjects,
} from './dns-list-options.ts';
import { domainQuery } from './query-name.ts';

/** For each subject that a list is asked about: the entry, and its text. */
const LOOKUPS_OF_SUBJECT = 2;
/** The sender's domain and the name of HELO. */
const SUBJECTS = 2;

/** The tests of the lists begin at once. Throws a RangeError for a zone or key that cannot be asked. */
export function createLists(options: ListsOptions): DnsLists {
  return new AskedLists(options);
}

class AskedLists implements DnsLists {
  readonly #options: ListsOptions;
  readonly #lists: readonly DnsList[];

  constructor(options: ListsOptions) {
    this.#options = options;
    this.#lists = options.lists.map((list) => new DnsList(list, options));
  }

  begin(subjects: ListSubjects, deadline: number, client?: string): ListLookups {
    const result = this.#ask(subjects, deadline, client);
    return { findings: () => result };
  }

  tests(): Promise<readonly Extract<ListEvent, { kind: 'list-test' }>[]> {
    return Promise.all(this.#lists.map((list) => list.tested()));
  }

  close(): void {
    for (const list of this.#lists) list.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #ask(
    { clientAddress, helo = '', senderDomain = '' }: ListSubjects,
    deadline: number,
    client: string | undefined,
  ): Promise<ListResult> {
    if (this.#lists.length === 0) return { findings: [] };
    const lookups = this.#options.resolver.forMail(deadline, {
      most: this.#lists.length * SUBJECTS * LOOKUPS_OF_SUBJECT,
      ...(client !== undefined && { client }),
    });
    const domains = new Set(
      [senderDomain, helo].map(domainQuery).filter((domain) => domain !== undefined),
    );
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, deadline - performance.now());
    const found = await Promise.all(
      this.#lists.map((list) => list.ask(lookups, clientAddress, [...domains], late.promise)),
    );
    clearTimeout(timer);
    return this.#result(found);
  }

  #result(found: readonly (readonly ListEntry[])[]): ListResult {
    const findings = found.flat().map(({ finding }) => finding);
    for (const [index, entries] of found.entries()) {
      const entry = entries.find(({ finding }) => finding.result === 'listed');
      if (entry !== undefined && this.#lists[index]?.action === 'reject') {
        return { findings, refusal: refusalOf(entry) };
      }
    }
    return { findings };
  }
}

/** The sender needs the name of the list, and what it says of how to leave it. */
function refusalOf({ finding: { zone, subject, text }, codes }: ListEntry): SenderRefusal {
  const advice = text ?? `Ask the operator of ${zone} to remove the entry`;
  return {
    rule: 'list',
    subject,
    detail: [`${zone}: ${codes.join(', ')}`, ...(text === undefined ? [] : [text])].join(' '),
    reply: {
      code: 550,
      status: '7.1',
      text: [`${subject} is listed by ${zone}`, advice],
    },
  };
}
