// What one message holds of a budget, and what it brought for it lately.

/**
 * Why a message was let go for another. `idle`: it brings almost nothing for what it holds. `client-share`,
 * `listener-share`: its client or its listener holds more than that of the other.
 */
export type ShedReason = 'idle' | 'client-share' | 'listener-share';

/** The message, as its budget knows it. */
export interface Holder {
  /** What it waited for is reserved. */
  granted(): void;
  /** Gives back all memory at once, except for what an upload still reads. */
  shed(reason: ShedReason): void;
}

/** What the messages of one client, or of one listener, hold together. */
export class Share {
  readonly key: string;
  held = 0;
  /** Messages that hold something, may hold something or wait. */
  messages = 0;
  /** What they will hold soon, by the last estimate. */
  estimate = 0;

  constructor(key: string) {
    this.key = key;
  }
}

/** What a message brings is counted in periods; "lately" is the present one and the one before. */
const PERIOD_MILLIS = 8000;
/** A message that brings less than this part of what it holds, within one to two periods, is idle. */
const IDLE_PART = 64;
/** What is too little to be worth the loss of a message. */
const IDLE_OCTETS = 16 * 1024;
/** How long a message counts with all that it may come to hold before its rate is known. */
const GRACE_MILLIS = 1000;
/** A message is expected to go on at its rate for so long. */
const OUTLOOK_SECONDS = 100;

export class Holding {
  readonly holder: Holder;
  readonly client: Share;
  readonly listener: Share;
  /** The order of arrival. */
  readonly number: number;
  /** What it will hold at the most, as far as is known: an estimate, never a claim. */
  expected: number;
  held = 0;
  /** What it waits for. */
  wanted = 0;
  /** It does not wait to enter. */
  isEntered = true;
  /** The whole message has come and is being stored: it is not let go any more. */
  isProtected = false;
  /** It was let go, and what it still holds comes back soon. */
  isLeaving = false;
  #since: number;
  #periodStart: number;
  #brought = 0;
  #broughtBefore = 0;
  /** The server does not read its client. The time does not count. */
  #pausedAt: number | undefined;

  constructor(
    holder: Holder,
    client: Share,
    listener: Share,
    number: number,
    expected: number,
    now: number,
  ) {
    this.holder = holder;
    this.client = client;
    this.listener = listener;
    this.number = number;
    this.expected = expected;
    this.#since = now;
    this.#periodStart = now;
  }

  enter(now: number): void {
    this.isEntered = true;
    this.#since = now;
    this.#periodStart = now;
  }

  /** Counts octets that the client sent. */
  bring(octets: number, now: number): void {
    const age = now - this.#periodStart;
    if (age >= PERIOD_MILLIS) {
      this.#broughtBefore = age < 2 * PERIOD_MILLIS ? this.#brought : 0;
      this.#brought = 0;
      this.#periodStart = now;
    }
    this.#brought += octets;
  }

  pause(now: number): void {
    this.#pausedAt ??= now;
  }

  resume(now: number): void {
    if (this.#pausedAt === undefined) return;
    this.#periodStart += now - this.#pausedAt;
    this.#pausedAt = undefined;
  }

  /** Octets brought within the last one to two periods. */
  lately(now: number): number {
    const age = (this.#pausedAt ?? now) - this.#periodStart;
    if (age >= 2 * PERIOD_MILLIS) return 0;
    return age >= PERIOD_MILLIS ? this.#brought : this.#brought + this.#broughtBefore;
  }

  /** Whether it brought almost nothing lately for what it holds. */
  isIdle(now: number): boolean {
    if (this.held <= IDLE_OCTETS || now - this.#since < PERIOD_MILLIS) return false;
    return this.lately(now) * IDLE_PART < this.held;
  }

  /** What it will hold soon. A claim without octets counts for a moment only. */
  estimate(now: number): number {
    if (this.isLeaving || !this.isEntered) return 0;
    if (this.isProtected) return this.held;
    if (now - this.#since < GRACE_MILLIS) return Math.max(this.held, this.expected);
    if (this.isIdle(now)) return 0;
    const soon = this.held + OUTLOOK_SECONDS * this.#octetsPerSecond(now);
    return Math.max(this.held, Math.min(this.expected, soon));
  }

  #octetsPerSecond(now: number): number {
    const end = this.#pausedAt ?? now;
    const start = Math.max(this.#since, this.#periodStart - PERIOD_MILLIS);
    return (this.lately(now) * 1000) / Math.max(GRACE_MILLIS, end - start);
  }
}
