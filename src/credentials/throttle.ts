// Slows down and then locks out clients that fail to sign in again and again, by address and by user name. It
// treats names that exist and names that do not alike, so that it tells nothing.
import { AttemptGate } from './attempt-gate.ts';
import { BoundedMap } from '../counters/bounded-map.ts';
import type { Clock } from '../counters/time-source.ts';
import { DelayedReplies } from './delayed-replies.ts';
import { clientNetwork } from '../net/addresses.ts';
import { isUsedUp, MemoryCounter, type WindowCounter } from '../counters/window-counter.ts';

export interface ThrottleOptions {
  /** Count for the whole fleet, in rows of the credential table. Default `false`: each process for itself. */
  readonly shared?: boolean;
  /**
   * When the fleet's counts cannot be read or written: `open` goes on with this process's own, `closed`
   * answers 454. Default `open`.
   */
  readonly onOutage?: 'open' | 'closed';
  /** How far back failures count. Default 900. */
  readonly windowSeconds?: number;
  /** Failures from one address (IPv6: one /64) in the window before it is locked out. Default 50. */
  readonly addressFailures?: number;
  /**
   * Failures of one user name in the window before it is locked out. Default 20. Addresses from which this
   * user signed in before are not locked out by it, so nobody can lock a user out from elsewhere.
   */
  readonly userFailures?: number;
  /** The reply to a first failure waits this long, to a second twice as long, and so on. Default 500. */
  readonly delayMilliseconds?: number;
  /** The longest wait. Default 5000. */
  readonly maxDelayMilliseconds?: number;
  /** Sessions that may wait at one time; beyond it a failure is answered 421. Default 1000. */
  readonly maxDelayed?: number;
}

export type ThrottleDefaults = Required<ThrottleOptions>;

export function throttleDefaults(options: ThrottleOptions): ThrottleDefaults {
  return {
    shared: false,
    onOutage: 'open',
    windowSeconds: 900,
    addressFailures: 50,
    userFailures: 20,
    delayMilliseconds: 500,
    maxDelayMilliseconds: 5000,
    maxDelayed: 1000,
    ...options,
  };
}

/** Pairs of user and address that signed in: kept for as many as this. */
const KNOWN_PAIRS = 20_000;
/** How long such a pair counts as known. */
const KNOWN_MILLISECONDS = 24 * 3600 * 1000;

/** How long an attempt may be under way without counting as a failure. */
const OPEN_MILLISECONDS = 5000;

/** One attempt that may be compared. It is settled once, by `succeeded`, `failed` or `dropped`. */
export class Attempt {
  readonly #counts: (amount: number) => Promise<number>;
  readonly #leave: () => void;
  readonly #timer: NodeJS.Timeout;
  /** Whether the user signed in from this address before. */
  readonly isKnown: boolean;
  #isInFlight = true;
  #isCounted = false;

  constructor(isKnown: boolean, counts: (amount: number) => Promise<number>, leave: () => void) {
    this.isKnown = isKnown;
    this.#counts = counts;
    this.#leave = leave;
    this.#timer = setTimeout(() => void this.#countAndLeave().catch(() => {}), OPEN_MILLISECONDS);
    this.#timer.unref();
  }

  async succeeded(): Promise<void> {
    this.#settle();
    if (this.#isCounted) await this.#counts(-1);
  }

  /** Counts it, and gives the failures that count against it. */
  async failed(): Promise<number> {
    clearTimeout(this.#timer);
    return this.#countAndLeave();
  }

  /** Nothing was compared and nothing was revealed. */
  async dropped(): Promise<void> {
    await this.succeeded();
  }

  async #countAndLeave(): Promise<number> {
    try {
      const amount = this.#isCounted ? 0 : 1;
      this.#isCounted = true;
      return await this.#counts(amount);
    } finally {
      this.#settle();
    }
  }

  #settle(): void {
    clearTimeout(this.#timer);
    if (this.#isInFlight) this.#leave();
    this.#isInFlight = false;
  }
}

export class Throttle {
  readonly #counter: WindowCounter;
  readonly #clock: Clock;
  readonly #options: ThrottleDefaults;
  readonly #knownUntil = new BoundedMap<number>(KNOWN_PAIRS);
  /** Failures of known pairs, which the other two counts do not stop. */
  readonly #pairFailures: MemoryCounter;
  readonly #gate = new AttemptGate();
  readonly #delays: DelayedReplies;

  constructor(counter: WindowCounter, clock: Clock, options: ThrottleDefaults) {
    this.#counter = counter;
    this.#pairFailures = new MemoryCounter(clock, KNOWN_PAIRS);
    this.#clock = clock;
    this.#options = options;
    this.#delays = new DelayedReplies(clock, options.maxDelayed);
  }

  /**
   * Admits an attempt before anything is compared. Attempts under way count like failures until they are settled, so
   * that guesses made side by side are no more than guesses made one after another.
   */
  async admit(
    clientAddress: string,
    username: string | undefined,
  ): Promise<Attempt | 'locked' | 'crowded'> {
    const { windowSeconds, addressFailures, userFailures } = this.#options;
    const network = clientNetwork(clientAddress);
    const isKnown = username !== undefined && this.#isKnown(network, username);
    const gates: Gate[] = [];
    if (isKnown) {
      // What is known to be good costs no question to the fleet.
      const pair = pairKey(network, username);
      const read = (): number => this.#pairFailures.read(pair, windowSeconds);
      gates.push({ key: pair, limit: userFailures, read });
    } else {
      // Always in this order, so that two attempts never wait for each other.
      gates.push(this.#gateOf(addressKey(network), addressFailures));
      if (username !== undefined) gates.push(this.#gateOf(userKey(username), userFailures));
    }
    const entered: string[] = [];
    const leave = (): void => {
      for (const key of entered.splice(0)) this.#gate.leave(key);
    };
    try {
      for (const { key, limit, read } of gates) {
        const outcome = await this.#gate.enter(key, limit, read);
        if (outcome !== 'entered') {
          leave();
          return outcome;
        }
        entered.push(key);
      }
    } catch (error) {
      leave();
      throw error;
    }
    return new Attempt(isKnown, (amount) => this.#count(network, username, amount), leave);
  }

  /** Whether failures that were counted meanwhile, by other tasks of the fleet too, lock the attempt out. */
  async isLockedMeanwhile(clientAddress: string, username: string): Promise<boolean> {
    const { addressFailures, userFailures } = this.#options;
    const network = clientNetwork(clientAddress);
    if (this.#isKnown(network, username)) return false;
    const gates = [
      this.#gateOf(addressKey(network), addressFailures),
      this.#gateOf(userKey(username), userFailures),
    ];
    const counts = await Promise.all(gates.map(async ({ read }) => read()));
    return gates.some(({ limit }, index) => isUsedUp(counts[index] ?? 0, limit));
  }

  /** A user signed in from the address: nobody elsewhere locks it out for a day. */
  know(clientAddress: string, username: string): void {
    const pair = pairKey(clientNetwork(clientAddress), username);
    this.#knownUntil.set(pair, this.#clock.now() + KNOWN_MILLISECONDS);
  }

  /**
   * An attempt that began at `begunAt` failed: counts it, and settles when the reply is due. Every failure is
   * answered at the same distance from its beginning, whatever was computed for it, so time tells nothing.
   */
  async failed(
    attempt: Attempt,
    clientAddress: string,
    begunAt: number,
  ): Promise<'refused' | 'crowded'> {
    const failures = await attempt.failed();
    const due = begunAt + this.#delayAfter(failures);
    return (await this.#delays.waitUntil(clientNetwork(clientAddress), due))
      ? 'refused'
      : 'crowded';
  }

  /** An attempt was turned away uncompared: settles when the reply is due, so that nobody spins on it. */
  async turnedAway(clientAddress: string, begunAt: number): Promise<'refused' | 'crowded'> {
    const due = begunAt + this.#options.delayMilliseconds;
    return (await this.#delays.waitUntil(clientNetwork(clientAddress), due))
      ? 'refused'
      : 'crowded';
  }

  #gateOf(key: string, limit: number): Gate {
    return { key, limit, read: () => this.#counter.read(key, this.#options.windowSeconds) };
  }

  /** Gives the count of the address or of the user name, whichever is more. */
  async #count(network: string, username: string | undefined, amount: number): Promise<number> {
    const { windowSeconds } = this.#options;
    if (username !== undefined) {
      this.#pairFailures.add(pairKey(network, username), windowSeconds, amount);
    }
    const counts = await Promise.all([
      this.#counter.add(addressKey(network), windowSeconds, amount),
      username === undefined ? 0 : this.#counter.add(userKey(username), windowSeconds, amount),
    ]);
    return Math.max(...counts);
  }

  #delayAfter(failures: number): number {
    const { delayMilliseconds, maxDelayMilliseconds } = this.#options;
    return Math.min(maxDelayMilliseconds, delayMilliseconds * 2 ** Math.max(0, failures - 1));
  }

  #isKnown(network: string, username: string): boolean {
    const { windowSeconds, userFailures } = this.#options;
    const pair = pairKey(network, username);
    return (
      (this.#knownUntil.get(pair) ?? 0) > this.#clock.now() &&
      // Other clients at the user's address (NAT) may not guess for ever.
      !isUsedUp(this.#pairFailures.read(pair, windowSeconds), userFailures)
    );
  }
}

interface Gate {
  readonly key: string;
  readonly limit: number;
  readonly read: () => number | Promise<number>;
}

function addressKey(network: string): string {
  return `address#${network}`;
}

function userKey(username: string): string {
  return `user#${username}`;
}

function pairKey(network: string, username: string): string {
  return `${network} ${username}`;
}
