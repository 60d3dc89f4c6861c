// Slows down and then locks out clients that fail to sign in again and again, by address and by user name. It
// treats names that exist and names that do not alike, so that it tells nothing.
import { BoundedMap } from '../counters/bounded-map.ts';
import type { Clock } from '../counters/time-source.ts';
import { clientNetwork } from '../net/addresses.ts';
import { MemoryCounter, type WindowCounter } from '../counters/window-counter.ts';

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

/** How a failure is answered: as a refusal, as a lockout because it was one too many, or at once for lack of room. */
export type FailureOutcome = 'refused' | 'locked' | 'crowded';

/** Pairs of user and address that signed in: kept for as many as this. */
const KNOWN_PAIRS = 20_000;
/** How long such a pair counts as known. */
const KNOWN_MILLISECONDS = 24 * 3600 * 1000;

export class Throttle {
  readonly #counter: WindowCounter;
  readonly #clock: Clock;
  readonly #options: ThrottleDefaults;
  readonly #knownUntil = new BoundedMap<number>(KNOWN_PAIRS);
  /** Failures of known pairs, which the other two counts do not stop. */
  readonly #pairFailures: MemoryCounter;
  #delayed = 0;

  constructor(counter: WindowCounter, clock: Clock, options: ThrottleDefaults) {
    this.#counter = counter;
    this.#pairFailures = new MemoryCounter(clock, KNOWN_PAIRS);
    this.#clock = clock;
    this.#options = options;
  }

  /** Whether an attempt may not even be looked at. */
  async isLocked(clientAddress: string, username: string | undefined): Promise<boolean> {
    const { windowSeconds, addressFailures, userFailures } = this.#options;
    const network = clientNetwork(clientAddress);
    // What is known to be good costs no question to the fleet.
    if (username !== undefined && this.#isKnown(network, username)) return false;
    const [byAddress, byUser] = await Promise.all([
      this.#counter.read(addressKey(network), windowSeconds),
      username === undefined ? 0 : this.#counter.read(userKey(username), windowSeconds),
    ]);
    return byAddress >= addressFailures || byUser >= userFailures;
  }

  /** An attempt succeeded. */
  succeeded(clientAddress: string, username: string): void {
    const pair = pairKey(clientNetwork(clientAddress), username);
    this.#knownUntil.set(pair, this.#clock.now() + KNOWN_MILLISECONDS);
  }

  /**
   * An attempt that began at `begunAt` failed: counts it, and settles when the reply is due. Every failure is
   * answered at the same distance from its beginning, whatever was computed for it, so time tells nothing.
   */
  async failed(
    clientAddress: string,
    username: string | undefined,
    begunAt: number,
  ): Promise<FailureOutcome> {
    const { windowSeconds, addressFailures, userFailures } = this.#options;
    const network = clientNetwork(clientAddress);
    if (username !== undefined)
      this.#pairFailures.add(pairKey(network, username), windowSeconds, 1);
    const [byAddress, byUser] = await Promise.all([
      this.#counter.add(addressKey(network), windowSeconds, 1),
      username === undefined ? 0 : this.#counter.add(userKey(username), windowSeconds, 1),
    ]);
    const due = begunAt + this.#delayAfter(Math.max(byAddress, byUser));
    if (!(await this.#waitUntil(due))) return 'crowded';
    // Of guesses made side by side, those past the limit must not hear whether they were right.
    const known = username !== undefined && this.#isKnown(network, username);
    return byAddress > addressFailures || (byUser > userFailures && !known) ? 'locked' : 'refused';
  }

  /** An attempt was turned away by a lock: settles when the reply is due, so that nobody spins on it. */
  async turnedAway(begunAt: number): Promise<'locked' | 'crowded'> {
    const due = begunAt + this.#options.delayMilliseconds;
    return (await this.#waitUntil(due)) ? 'locked' : 'crowded';
  }

  /** `false`, and at once, where too many wait already. */
  async #waitUntil(due: number): Promise<boolean> {
    if (this.#delayed >= this.#options.maxDelayed) return false;
    this.#delayed++;
    try {
      await this.#clock.delay(Math.max(0, due - this.#clock.now()));
    } finally {
      this.#delayed--;
    }
    return true;
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
      // Others behind the user's address (NAT) may not guess forever.
      this.#pairFailures.read(pair, windowSeconds) < userFailures
    );
  }
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
