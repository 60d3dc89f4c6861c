import type { DiscardCause, MessageFacts, Reply } from '../smtp/index.ts';
import type { ServerEvent } from './events.ts';
import type { Limits } from './limits.ts';

/** How one message is coming along: its rate while it comes, its timings when it came. */
export class MessageProgress {
  readonly #facts: MessageFacts;
  readonly #openedAt = performance.now();
  readonly #startedAt: number;
  #windowStart: number;
  #windowOctets = 0;
  #octets = 0;
  #receivedAt = 0;

  constructor(facts: MessageFacts, now: number) {
    this.#facts = facts;
    this.#startedAt = now;
    this.#windowStart = now;
  }

  count(octets: number): void {
    // Before the end of the data this is what came over the wire, dots and all.
    this.#octets += octets;
    this.#windowOctets += octets;
  }

  /** Begins a new window for the rate: the time before it was not the client's. */
  restart(now: number): void {
    this.#windowStart = now;
    this.#windowOctets = 0;
  }

  /** Whether the whole takes too long, or the last window brought too little. */
  isTooSlow(now: number, limits: Limits): boolean {
    if (now - this.#startedAt > limits.messageSeconds * 1000) return true;
    const seconds = (now - this.#windowStart) / 1000;
    if (seconds < limits.dataTimeoutSeconds) return false;
    const isSlow = this.#windowOctets < limits.minDataRate * seconds;
    this.restart(now);
    return isSlow;
  }

  received(sizeInOctets: number): void {
    this.#octets = sizeInOctets;
    this.#receivedAt = performance.now();
  }

  outcome(replies: readonly Reply[]): ServerEvent {
    return {
      kind: kindOf(replies),
      message: this.#facts,
      sizeInOctets: this.#octets,
      receivingMilliseconds: this.#receivedAt - this.#openedAt,
      committingMilliseconds: performance.now() - this.#receivedAt,
      replies,
    };
  }

  discarded(cause: DiscardCause): ServerEvent {
    return {
      kind: 'message-discarded',
      message: this.#facts,
      cause,
      sizeInOctets: this.#octets,
    };
  }
}

function kindOf(replies: readonly Reply[]) {
  if (replies.some((reply) => reply.code < 400)) return 'message-accepted' as const;
  if (replies.some((reply) => reply.code < 500)) return 'message-deferred' as const;
  return 'message-refused' as const;
}
