// The DNS client: each question from the cache, from a look-up under way, or from a server, within bounds.
import { AnswerCache } from './answer-cache.ts';
import type { DnsEvent } from './dns-event.ts';
import { Inquiry } from './inquiry.ts';
import { LookupSlots } from './lookup-slots.ts';
import { typeCodes } from './message.ts';
import { wireName } from './name.ts';
import type {
  DnsAnswer,
  FailureReason,
  LookupBounds,
  MailLookups,
  RecordType,
  Resolver,
} from './resolver.ts';
import { parseServer, ServerList, systemServers } from './servers.ts';

export interface ResolverOptions {
  /** `address`, `address:port`, `[IPv6]:port`: recursive resolvers. Default: those of the system. */
  readonly servers?: readonly string[];
  /** The longest time for one question, all tries counted. Default 5000. */
  readonly timeoutMillis?: number;
  /** Questions under way at once; each holds a socket or two. Default 256. */
  readonly mostUnderWay?: number;
  /** Questions that wait for one of these. Default 2000. A client has a quarter of both numbers at most. */
  readonly mostWaiting?: number;
  /** Default 20,000. */
  readonly cacheEntries?: number;
  /** Default 16 MiB. */
  readonly cacheOctets?: number;
  /** Called for each event; must not throw. */
  readonly observe?: (event: DnsEvent) => void;
}

export interface DnsClient extends Resolver, AsyncDisposable {
  /** What is held, for a gauge. */
  readonly usage: {
    readonly underWay: number;
    readonly waiting: number;
    readonly cacheEntries: number;
    readonly cacheOctets: number;
  };
  /** Ends what is under way; every look-up from then on is `failed` with `unreachable`. */
  close(): void;
}

/** Throws a RangeError where a server is no address. */
export function createResolver(options: ResolverOptions = {}): DnsClient {
  return new CachingResolver(options);
}

const LOOKUPS_OF_MAIL = 100;
/** Of all look-ups, one client takes one part of so many. */
const CLIENT_SHARE = 4;

const NO_NAME: Promise<DnsAnswer> = Promise.resolve({ kind: 'no-name' });
const CACHE_HIT: DnsEvent = { kind: 'cache-hit' };
const JOINED: DnsEvent = { kind: 'joined' };
const OVER_BOUND: DnsEvent = { kind: 'over-bound' };

function failure(reason: FailureReason): DnsAnswer {
  return { kind: 'failed', reason };
}

type Waiter = (answer: DnsAnswer) => void;

class CachingResolver implements DnsClient {
  readonly #servers: ServerList;
  readonly #cache: AnswerCache;
  readonly #slots: LookupSlots;
  readonly #underWay = new Map<string, Lookup>();
  readonly #timeoutMillis: number;
  readonly #observe: (event: DnsEvent) => void;
  #isClosed = false;

  constructor(options: ResolverOptions) {
    const { servers = systemServers(), mostUnderWay = 256, mostWaiting = 2000 } = options;
    const addresses = servers.map((text) => {
      const address = parseServer(text);
      if (address !== undefined) return address;
      throw new RangeError(
        `DNS server: expected address, address:port or [IPv6]:port, got ${text}`,
      );
    });
    this.#servers = new ServerList(addresses);
    this.#isClosed = addresses.length === 0;
    this.#cache = new AnswerCache(options.cacheEntries ?? 20_000, options.cacheOctets ?? 2 ** 24);
    this.#slots = new LookupSlots({
      most: mostUnderWay,
      mostPerClient: Math.ceil(mostUnderWay / CLIENT_SHARE),
      mostWaiting,
      mostWaitingPerClient: Math.ceil(mostWaiting / CLIENT_SHARE),
    });
    this.#timeoutMillis = options.timeoutMillis ?? 5000;
    this.#observe = options.observe ?? (() => {});
  }

  get usage(): DnsClient['usage'] {
    return {
      underWay: this.#slots.running,
      waiting: this.#slots.waiting,
      cacheEntries: this.#cache.size,
      cacheOctets: this.#cache.sizeInOctets,
    };
  }

  forMail(deadline: number, bounds: LookupBounds = {}): MailLookups {
    return new LookupsOfMail(this, deadline, bounds);
  }

  close(): void {
    this.#isClosed = true;
    for (const lookup of this.#underWay.values()) lookup.end(failure('unreachable'));
    this.#cache.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  observe(event: DnsEvent): void {
    this.#observe(event);
  }

  /** The answer, if it is known, or the look-up to wait for. */
  find(name: string, type: RecordType, client: string): DnsAnswer | Lookup {
    if (this.#isClosed) return failure('unreachable');
    const key = `${type} ${name}`;
    const known = this.#cache.get(key, performance.now());
    if (known !== undefined) {
      this.#observe(CACHE_HIT);
      return known;
    }
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) {
      this.#observe(JOINED);
      // It may start in the turn of this client too.
      if (!underWay.isStarted) this.#slots.request(client, underWay);
      return underWay;
    }
    const lookup = this.#lookup(key, name, type);
    this.#underWay.set(key, lookup);
    if (this.#slots.request(client, lookup)) return lookup;
    this.#underWay.delete(key);
    this.#observe(OVER_BOUND);
    return failure('bound');
  }

  /** A mail no longer waits for it. One that nobody waits for need not start. */
  leave(lookup: Lookup, waiter: Waiter, client: string): void {
    lookup.waiters.delete(waiter);
    if (lookup.isStarted) return;
    if (lookup.waiters.size === 0) lookup.end(failure('timeout'));
    this.#slots.withdraw(client, lookup);
  }

  #lookup(key: string, name: string, type: RecordType): Lookup {
    const lookup: Lookup = new Lookup(
      (client) => {
        const started = performance.now();
        const inquiry = new Inquiry({
          question: { name, type: typeCodes[type] },
          type,
          servers: this.#servers,
          timeoutMillis: this.#timeoutMillis,
          foreign: ({ label }) => this.#observe({ kind: 'foreign-answer', server: label }),
          settle: (result) => {
            const { answer, tries } = result;
            const now = performance.now();
            const milliseconds = now - started;
            this.#cache.set(key, result, now);
            this.#observe(
              answer.kind === 'failed'
                ? { kind: 'failure', type, reason: answer.reason, milliseconds, tries }
                : { kind: 'look-up', type, result: answer.kind, milliseconds, tries },
            );
            lookup.end(answer);
          },
        });
        return () => {
          inquiry.abort();
          this.#slots.release(client);
        };
      },
      () => this.#underWay.delete(key),
    );
    return lookup;
  }
}

/** One question for all who ask it at the same time. */
class Lookup {
  readonly waiters = new Set<Waiter>();
  readonly #ask: (client: string) => () => void;
  readonly #ended: () => void;
  #stop: (() => void) | undefined;
  #isEnded = false;

  constructor(ask: (client: string) => () => void, ended: () => void) {
    this.#ask = ask;
    this.#ended = ended;
  }

  /** Neither is it to be started any more when it has ended. */
  get isStarted(): boolean {
    return this.#stop !== undefined || this.#isEnded;
  }

  start(client: string): void {
    this.#stop = this.#ask(client);
  }

  end(answer: DnsAnswer): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#ended();
    for (const waiter of this.waiters) waiter(answer);
    this.waiters.clear();
    this.#stop?.();
  }
}

class LookupsOfMail implements MailLookups {
  readonly #resolver: CachingResolver;
  #deadline: number;
  readonly #most: number;
  readonly #client: string;
  readonly #waiting = new Map<Waiter, Lookup>();
  #timer: NodeJS.Timeout | undefined;
  #count = 0;

  constructor(resolver: CachingResolver, deadline: number, { most, client }: LookupBounds) {
    this.#resolver = resolver;
    this.#deadline = deadline;
    this.#most = most ?? LOOKUPS_OF_MAIL;
    this.#client = client ?? '';
  }

  get count(): number {
    return this.#count;
  }

  lookUp(name: string, type: RecordType): Promise<DnsAnswer> {
    if (this.#count >= this.#most) {
      this.#resolver.observe(OVER_BOUND);
      return Promise.resolve(failure('bound'));
    }
    this.#count += 1;
    const wire = wireName(name);
    if (wire === undefined) return NO_NAME;
    const left = this.#deadline - performance.now();
    if (left <= 0) return Promise.resolve(failure('timeout'));
    const found = this.#resolver.find(wire, type, this.#client);
    if (!(found instanceof Lookup)) return Promise.resolve(found);
    return new Promise((resolve) => {
      const waiter = (answer: DnsAnswer): void => {
        this.#waiting.delete(waiter);
        if (this.#waiting.size === 0) clearTimeout(this.#timer);
        resolve(answer);
      };
      // One timer for all that this mail waits for.
      if (this.#waiting.size === 0) this.#timer = setTimeout(() => this.#expire(), left);
      this.#waiting.set(waiter, found);
      found.waiters.add(waiter);
    });
  }

  #expire(): void {
    // A timer may be a millisecond early.
    this.#deadline = Number.NEGATIVE_INFINITY;
    for (const [waiter, lookup] of this.#waiting) {
      this.#resolver.leave(lookup, waiter, this.#client);
      waiter(failure('timeout'));
    }
  }
}
