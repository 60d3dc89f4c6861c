// DNS questions as values: an answer, none, or no way to know.
import { Resolver } from 'node:dns/promises';
import type { CaaRecord, MxRecord } from 'node:dns';
import { isIP } from 'node:net';

export type Lookup<T> =
  | { readonly kind: 'found'; readonly records: readonly T[] }
  /** The name, or a record of that type, does not exist. */
  | { readonly kind: 'none' }
  /** The resolver gave no answer that can be used. */
  | { readonly kind: 'failed'; readonly code: string };

/** NXDOMAIN, no data, and names that cannot exist. */
const NONE = ['ENODATA', 'ENOTFOUND', 'EBADNAME'];
const TRIES = 2;

export interface LookupOptions {
  /** `address:port`; default: the system's resolvers. */
  readonly server?: string;
  readonly timeoutMillis: number;
}

export class DnsLookups {
  readonly #resolver: Resolver;

  constructor({ server, timeoutMillis }: LookupOptions) {
    this.#resolver = new Resolver({ timeout: timeoutMillis / TRIES, tries: TRIES });
    if (server !== undefined) this.#resolver.setServers([server]);
  }

  /** IPv4 addresses first; an address is its own answer. */
  async addresses(name: string): Promise<Lookup<string>> {
    if (isIP(name) !== 0) return { kind: 'found', records: [name] };
    const [v4, v6] = await Promise.all([
      ask(() => this.#resolver.resolve4(name)),
      ask(() => this.#resolver.resolve6(name)),
    ]);
    const records = [v4, v6].flatMap((each) => (each.kind === 'found' ? each.records : []));
    if (records.length > 0) return { kind: 'found', records };
    return v4.kind === 'failed' ? v4 : v6;
  }

  /** The name behind an alias. */
  alias(name: string): Promise<Lookup<string>> {
    return ask(() => this.#resolver.resolveCname(name));
  }

  exchanges(name: string): Promise<Lookup<MxRecord>> {
    return ask(() => this.#resolver.resolveMx(name));
  }

  /** Each record's strings joined. */
  async texts(name: string): Promise<Lookup<string>> {
    return ask(async () => (await this.#resolver.resolveTxt(name)).map((parts) => parts.join('')));
  }

  authorities(name: string): Promise<Lookup<CaaRecord>> {
    return ask(() => this.#resolver.resolveCaa(name));
  }

  /** The names of a reverse name, as `1.2.0.192.in-addr.arpa`. */
  pointers(reverseName: string): Promise<Lookup<string>> {
    return ask(() => this.#resolver.resolvePtr(reverseName));
  }
}

async function ask<T>(question: () => Promise<readonly T[]>): Promise<Lookup<T>> {
  try {
    const records = await question();
    return records.length === 0 ? { kind: 'none' } : { kind: 'found', records };
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    return NONE.includes(code) ? { kind: 'none' } : { kind: 'failed', code };
  }
}
