// Rate limits: the messages and octets of each credential in a period.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Identity, Reply } from '../smtp/index.ts';
import { type Clock, systemClock } from '../counters/time-source.ts';
import { FleetCounter } from '../counters/fleet-counter.ts';
import { grantsOf } from './grants.ts';
import { replies } from './replies.ts';
import { SharedCounter } from '../counters/shared-counter.ts';
import { MemoryCounter, type WindowCounter } from '../counters/window-counter.ts';
import { nameTableFailure } from '../counters/table-answers.ts';

/** Enforces the rates of credentials. The promises never reject. */
export interface RateLimit {
  /** Before the 354: counts one message. `452 4.7.1` above the messages, `452 4.3.1` above the octets. */
  openMessage(identity: Identity | null): Promise<Reply | undefined>;
  /** After the last octet of a message and before it is stored: counts its octets. */
  takeMessage(identity: Identity | null, sizeInOctets: number): Promise<Reply | undefined>;
}

/** The shared counts could not be read or written. */
export interface RateLimitEvent {
  readonly kind: 'table-unavailable';
  readonly operation: 'count';
  /** The name that the AWS SDK gives the error, like `AccessDeniedException`. */
  readonly error: string;
}

export interface RateLimitOptions {
  readonly clock?: Clock;
  readonly observe?: (event: RateLimitEvent) => void;
  /** Counts for the whole fleet in this table. Default: each process counts alone. */
  readonly shared?: {
    readonly client: DynamoDBClient;
    readonly table: string;
    /** While the table is unavailable: use the counts of this process, or refuse. Default `open`. */
    readonly onOutage?: 'open' | 'closed';
  };
}

/** The most credentials that are counted at the same time. */
const COUNTED_KEYS = 20_000;

export function createRateLimit(options: RateLimitOptions = {}): RateLimit {
  return new CountedRateLimit(options);
}

class CountedRateLimit implements RateLimit {
  readonly #counter: WindowCounter;

  constructor({ clock = systemClock, observe = () => {}, shared }: RateLimitOptions) {
    const own = new MemoryCounter(clock, COUNTED_KEYS);
    this.#counter =
      shared === undefined
        ? own
        : new FleetCounter(
            new SharedCounter(shared.client, shared.table, clock),
            own,
            shared.onOutage ?? 'open',
            (error) =>
              observe({
                kind: 'table-unavailable',
                operation: 'count',
                error: nameTableFailure(error),
              }),
          );
  }

  async openMessage(identity: Identity | null): Promise<Reply | undefined> {
    const rate = grantsOf(identity)?.rate;
    if (identity === null || rate === undefined) return undefined;
    const { username } = identity;
    const { messages, octets, periodSeconds } = rate;
    return this.#guarded(async () => {
      if (octets !== undefined) {
        const used = await this.#counter.read(octetsKey(username), periodSeconds);
        if (used >= octets) return replies.octetRate;
      }
      if (messages === undefined) return undefined;
      const within = await this.#counter.addWithin(
        messagesKey(username),
        periodSeconds,
        1,
        messages,
      );
      return within ? undefined : replies.messageRate;
    });
  }

  async takeMessage(identity: Identity | null, sizeInOctets: number): Promise<Reply | undefined> {
    const rate = grantsOf(identity)?.rate;
    if (identity === null || rate?.octets === undefined) return undefined;
    const { username } = identity;
    const { octets, periodSeconds } = rate;
    // A permanent refusal: the message will not fit in a later period either.
    if (sizeInOctets > octets) return replies.tooLarge;
    return this.#guarded(async () => {
      const key = octetsKey(username);
      const within = await this.#counter.addWithin(key, periodSeconds, sizeInOctets, octets);
      return within ? undefined : replies.octetRate;
    });
  }

  async #guarded(question: () => Promise<Reply | undefined>): Promise<Reply | undefined> {
    try {
      return await question();
    } catch {
      // Happens with `closed` only. The cause was observed already.
      return replies.rateUnknown;
    }
  }
}

function messagesKey(username: string): string {
  return `messages#${username}`;
}

function octetsKey(username: string): string {
  return `octets#${username}`;
}
