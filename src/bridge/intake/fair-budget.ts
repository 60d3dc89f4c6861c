// A number of octets, divided among messages as they bring them. While there is room, every message gets what it asks
// for. When there is none, messages wait, and the least deserving ones are let go: README.md has the rules and why they
// cannot deadlock.
import { type Holder, Holding, Share, type ShedReason } from './holding.ts';

export interface FairBudgetOptions {
  readonly octets: number;
  /** What one message holds at the most: so much is kept back for one of those that wait. */
  readonly messageOctets: number;
  /** Messages that hold no more than `littleOctets` have `octetsForLittle` that the others do not get. */
  readonly littleOctets: number;
  readonly octetsForLittle: number;
}

/** A message that waits to enter. */
interface Entrant {
  readonly holding: Holding;
  readonly end: (entered: boolean) => void;
}

/** Clients that are gone wait to enter too, until their time is over. */
const MAX_ENTRANTS = 2000;
const LOOK_MILLIS = 1000;
/** Waiting messages that are looked at again each time. */
const LOOKED_AT = 50;

export class FairBudget {
  readonly octets: number;
  readonly #limit: number;
  readonly #littleOctets: number;
  readonly #limitOfOthers: number;
  readonly #clients = new Map<string, Share>();
  readonly #listeners = new Map<string, Share>();
  readonly #holdings = new Set<Holding>();
  /** At most one for each connection, as the next. */
  readonly #waiting = new Set<Holding>();
  readonly #entrants = new Set<Entrant>();
  #used = 0;
  /** The part of `used` that belongs to messages that were let go. */
  #leaving = 0;
  /** The one that may use what is kept back. */
  #favored: Holding | undefined;
  #messages = 0;
  #timer: NodeJS.Timeout | undefined;
  #admission: NodeJS.Immediate | undefined;

  constructor({ octets, messageOctets, littleOctets, octetsForLittle }: FairBudgetOptions) {
    this.octets = octets;
    this.#limit = octets - messageOctets;
    this.#littleOctets = littleOctets;
    this.#limitOfOthers = this.#limit - octetsForLittle;
  }

  get usedOctets(): number {
    return this.#used;
  }

  /** A message waits. */
  get isShort(): boolean {
    return this.#waiting.size > 0 || this.#entrants.size > 0;
  }

  /** What each client holds, by its key. */
  get clients(): ReadonlyMap<string, Share> {
    return this.#clients;
  }

  /** A message that holds nothing yet. `leave` ends it. */
  join(holder: Holder, clientKey: string, listener: string, expected: number): Holding {
    const client = shareOf(this.#clients, clientKey);
    const holding = new Holding(
      holder,
      client,
      shareOf(this.#listeners, listener),
      (this.#messages += 1),
      expected,
      performance.now(),
    );
    client.messages += 1;
    holding.listener.messages += 1;
    this.#holdings.add(holding);
    return holding;
  }

  /** `true`: reserved. `false`: the holder hears `granted` once it is, unless it leaves before. */
  reserve(holding: Holding, octets: number): boolean {
    if (this.#fits(holding, octets)) {
      this.#add(holding, octets);
      return true;
    }
    const now = performance.now();
    holding.wanted = octets;
    this.#waiting.add(holding);
    this.#makeRoom(holding, now);
    this.#pump();
    this.#keepLooking();
    return false;
  }

  /** Gives back a part. */
  reduce(holding: Holding, octets: number): void {
    this.#subtract(holding, octets);
    this.#pump();
  }

  /** Gives back everything and stops waiting. */
  leave(holding: Holding): void {
    if (!this.#holdings.delete(holding)) return;
    this.#waiting.delete(holding);
    this.#subtract(holding, holding.held);
    const { client, listener } = holding;
    client.messages -= 1;
    if (client.messages === 0) this.#clients.delete(client.key);
    listener.messages -= 1;
    if (listener.messages === 0) this.#listeners.delete(listener.key);
    if (holding === this.#favored) this.#favored = undefined;
    this.#pump();
    if (holding.isEntered && this.#entrants.size > 0) this.#admitSoon();
  }

  /**
   * Whether there will be room for all that the message is expected to hold: `true` at once, or an answer within
   * `millis`. An estimate keeps messages from beginning what they could not end; it gives none of them anything.
   */
  enter(holding: Holding, millis: number, signal: AbortSignal): true | Promise<boolean> {
    const now = performance.now();
    // It does not count while it waits.
    holding.isEntered = false;
    if (this.#entrants.size === 0 || holding.client.messages === 1) {
      this.#estimate(now);
      if (this.#hasRoomFor(holding)) {
        holding.enter(now);
        return true;
      }
    }
    if (this.#entrants.size >= MAX_ENTRANTS && !this.#turnAwayOfMany(holding)) {
      return Promise.resolve(false);
    }
    return new Promise((resolve) => {
      const end = (entered: boolean): void => {
        this.#entrants.delete(entrant);
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
        resolve(entered);
      };
      const entrant: Entrant = { holding, end };
      const giveUp = (): void => end(false);
      const timer = setTimeout(giveUp, millis);
      signal.addEventListener('abort', giveUp, { once: true });
      this.#entrants.add(entrant);
      this.#keepLooking();
    });
  }

  /** Ends the waits of all messages that wait to enter. */
  turnAwayAll(): void {
    for (const { end } of this.#entrants) end(false);
  }

  // Room

  #fits(holding: Holding, octets: number, freed = 0): boolean {
    if (holding === this.#favored) return true;
    const limit = holding.held + octets > this.#littleOctets ? this.#limitOfOthers : this.#limit;
    return this.#used - freed + octets <= limit;
  }

  #add(holding: Holding, octets: number): void {
    holding.held += octets;
    holding.client.held += octets;
    holding.listener.held += octets;
    this.#used += octets;
  }

  #subtract(holding: Holding, octets: number): void {
    holding.held -= octets;
    holding.client.held -= octets;
    holding.listener.held -= octets;
    this.#used -= octets;
    if (holding.isLeaving) this.#leaving -= octets;
  }

  /** Gives what is free to those that wait: first to the clients that hold the least, then in the order of arrival. */
  #pump(): void {
    while (this.#waiting.size > 0) {
      let first: Holding | undefined;
      let next: Holding | undefined;
      for (const each of this.#waiting) {
        if (first === undefined || comesBefore(each, first)) first = each;
        if (!this.#fits(each, each.wanted)) continue;
        if (next === undefined || comesBefore(each, next)) next = each;
      }
      if (next === undefined) {
        if (this.#favored !== undefined) return;
        this.#favored = first;
        continue;
      }
      const { holder } = next;
      this.#waiting.delete(next);
      this.#add(next, next.wanted);
      next.wanted = 0;
      queueMicrotask(() => holder.granted());
    }
  }

  // Letting go

  /** Lets messages go until there is room for this one, as far as it deserves it more than they. */
  #makeRoom(holding: Holding, now: number): void {
    while (holding.wanted > 0 && !this.#fits(holding, holding.wanted, this.#leaving)) {
      const found = this.#leastDeserving(holding, now);
      if (found === undefined) return;
      const [least, reason] = found;
      least.isLeaving = true;
      least.wanted = 0;
      this.#leaving += least.held;
      this.#waiting.delete(least);
      least.holder.shed(reason);
    }
  }

  #leastDeserving(holding: Holding, now: number): [Holding, ShedReason] | undefined {
    let least: Holding | undefined;
    let reason: ShedReason = 'idle';
    for (const each of this.#holdings) {
      const found = reasonToShed(each, holding, now);
      if (found === undefined) continue;
      if (least !== undefined && !goesBefore(each, found, least, reason, now)) continue;
      least = each;
      reason = found;
    }
    return least && [least, reason];
  }

  // Entering

  /** Sums up what the messages of each client and listener will hold soon. */
  #estimate(now: number): void {
    for (const share of this.#clients.values()) share.estimate = 0;
    for (const share of this.#listeners.values()) share.estimate = 0;
    for (const each of this.#holdings) {
      const octets = each.estimate(now);
      each.client.estimate += octets;
      each.listener.estimate += octets;
    }
  }

  /**
   * By the last estimate. Of the other clients each counts for one message at the most where this one's client has
   * none: their further messages would be let go for it. A listener has its share whatever the others do.
   */
  #hasRoomFor({ client, listener, expected }: Holding): boolean {
    if (listener.estimate + expected <= this.octets / this.#listeners.size) return true;
    const most = client.estimate === 0 ? expected : this.octets;
    let octets = client.estimate;
    for (const each of this.#clients.values()) {
      if (each !== client) octets += Math.min(each.estimate, most);
    }
    return octets + expected <= this.octets;
  }

  /** Ends the wait of a message whose client has more of them; `false` if there is none. */
  #turnAwayOfMany({ client }: Holding): boolean {
    let most: Entrant | undefined;
    for (const each of this.#entrants) {
      const { messages } = each.holding.client;
      if (messages > (most?.holding.client ?? client).messages) most = each;
    }
    most?.end(false);
    return most !== undefined;
  }

  /** Once for all messages that end in one turn of the event loop. */
  #admitSoon(): void {
    this.#admission ??= setImmediate(() => this.#admit(performance.now()));
  }

  #admit(now: number): void {
    clearImmediate(this.#admission);
    this.#admission = undefined;
    this.#estimate(now);
    const entrants = [...this.#entrants].sort(
      (one, other) =>
        one.holding.client.messages - other.holding.client.messages ||
        one.holding.number - other.holding.number,
    );
    for (const { holding, end } of entrants) {
      if (!this.#hasRoomFor(holding)) continue;
      holding.enter(now);
      holding.client.estimate += holding.expected;
      holding.listener.estimate += holding.expected;
      end(true);
    }
  }

  /** Looks again from time to time while messages wait: one that was busy may be idle now. */
  #keepLooking(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_MILLIS).unref();
  }

  #look(): void {
    const now = performance.now();
    let count = 0;
    for (const each of [...this.#waiting].sort((one, other) =>
      comesBefore(one, other) ? -1 : 1,
    )) {
      if (count === LOOKED_AT) break;
      count += 1;
      this.#makeRoom(each, now);
    }
    this.#pump();
    if (this.#entrants.size > 0) this.#admit(now);
    if (this.isShort) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function shareOf(shares: Map<string, Share>, key: string): Share {
  const known = shares.get(key);
  if (known !== undefined) return known;
  const share = new Share(key);
  shares.set(key, share);
  return share;
}

function comesBefore(one: Holding, other: Holding): boolean {
  const more = one.client.held - other.client.held;
  return more < 0 || (more === 0 && one.number < other.number);
}

/**
 * Why `each` may be let go for what `holding` wants. A share must be the larger one even without the message: so each
 * step makes the shares more equal, and none is ever taken back.
 */
function reasonToShed(each: Holding, holding: Holding, now: number): ShedReason | undefined {
  if (each === holding || each.held === 0 || each.isProtected || each.isLeaving) return undefined;
  if (each.isIdle(now)) return 'idle';
  const { client, listener, wanted } = holding;
  const clientOctets = client.held + wanted;
  if (each.client.held - each.held >= clientOctets && each.client !== client) {
    return 'client-share';
  }
  const isLess = each.client.held >= clientOctets;
  if (
    isLess &&
    each.listener.held - each.held >= listener.held + wanted &&
    each.listener !== listener
  ) {
    return 'listener-share';
  }
  return undefined;
}

/** Idle messages go first; then those of the client that holds the most, and of these the one that brought the least. */
function goesBefore(
  each: Holding,
  reason: ShedReason,
  least: Holding,
  leastReason: ShedReason,
  now: number,
): boolean {
  if (reason !== leastReason) return ORDER[reason] < ORDER[leastReason];
  const more = each.client.held - least.client.held;
  if (reason !== 'idle' && more !== 0) return more > 0;
  return each.lately(now) * least.held < least.lately(now) * each.held;
}

const ORDER: Readonly<Record<ShedReason, number>> = {
  idle: 0,
  'client-share': 1,
  'listener-share': 2,
};
