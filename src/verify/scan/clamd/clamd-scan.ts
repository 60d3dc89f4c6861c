// The scan of one mail by clamd, while it arrives.
//
//   head ──► waiting ──► streaming          head: the first octets are held, since a small mail is sent at its end,
//     │         │            │              at once, and holds no thread of clamd for as long as its client takes
//     │         └────────────┼──► given-up  waiting: for a connection, and its client is paused
//     └──────────────────────┴──► ended     given-up: clamd was away or slow; a mail that is still in memory at its end
//                                           may get another chance
import { failed } from '../failure.ts';
import type { ScanFailure, VirusOutcome } from '../options.ts';
import { Instream } from './instream.ts';
import type { SharedClamd, StreamingScan } from './shared-clamd.ts';

/** A mail that is smaller is sent at its end. */
const HEAD_OCTETS = 64 * 1024;
/** What a client brings again and again to keep its connection while others wait. */
const BLOCK_OCTETS = 64 * 1024;

export class ClamdScan implements StreamingScan {
  readonly #clamd: SharedClamd;
  readonly #resume: () => void;
  #state: 'head' | 'waiting' | 'streaming' | 'given-up' | 'ended' = 'head';
  #head: Buffer[] = [];
  #headOctets = 0;
  #cancelWait: (() => void) | undefined;
  #stream: Instream | undefined;
  /** Why it was given up. */
  #outcome: VirusOutcome | undefined;
  #pausedAt: number | undefined;
  #pauseTimer: NodeJS.Timeout | undefined;
  /** How long its client may still be held up. */
  #pauseMillis: number;
  /** Ends the wait of `end`. */
  #settle: ((outcome: VirusOutcome) => void) | undefined;
  #blockOctets = 0;
  #lastBlockAt = 0;

  constructor(clamd: SharedClamd, resume: () => void) {
    this.#clamd = clamd;
    this.#resume = resume;
    this.#pauseMillis = clamd.timeoutMillis;
  }

  get lastBlockAt(): number {
    return this.#pausedAt === undefined ? this.#lastBlockAt : performance.now();
  }

  write(span: Buffer): boolean {
    if (this.#state === 'head' || this.#state === 'waiting') {
      const hasRoom = this.#hold(span);
      if (this.#state === 'head' && (this.#headOctets >= HEAD_OCTETS || !hasRoom)) this.#start();
    } else if (this.#state === 'streaming' && this.#stream !== undefined) {
      this.#countBlocks(span.length);
      if (!this.#stream.write(span)) this.#pause();
    }
    return this.#pausedAt === undefined;
  }

  /** Settles within the timeout of clamd; never rejects. */
  async end(chunks: readonly Buffer[] | undefined): Promise<VirusOutcome> {
    const deadline = performance.now() + this.#clamd.timeoutMillis;
    this.#endPause();
    const state = this.#state;
    this.#state = 'ended';
    if (state === 'head' || state === 'waiting') {
      this.#cancelWait?.();
      return this.#scanWhole(chunks ?? this.#head, deadline);
    }
    const outcome =
      state === 'streaming' ? await this.#endStream(deadline) : (this.#outcome ?? DISCARDED);
    return chunks !== undefined && mayTryAgain(outcome)
      ? this.#scanWhole(chunks, deadline)
      : outcome;
  }

  letGo(): void {
    this.#giveUp(failed('busy', 'its client was slow, and other mail waited for the connection'));
  }

  discard(): void {
    this.#endPause();
    this.#state = 'ended';
    this.#cancelWait?.();
    this.#dropHead();
    this.#closeStream();
    this.#settle?.(DISCARDED);
  }

  #countBlocks(octets: number): void {
    this.#blockOctets += octets;
    if (this.#blockOctets < BLOCK_OCTETS) return;
    this.#blockOctets = 0;
    this.#lastBlockAt = performance.now();
  }

  #hold(span: Buffer): boolean {
    this.#head.push(Buffer.from(span));
    this.#headOctets += span.length;
    return this.#clamd.holdHead(span.length);
  }

  #dropHead(): void {
    this.#clamd.dropHead(this.#headOctets);
    this.#head = [];
    this.#headOctets = 0;
  }

  #start(): void {
    if (!this.#clamd.breaker.admits()) {
      this.#giveUp(CIRCUIT_OPEN);
      return;
    }
    this.#state = 'waiting';
    this.#cancelWait = this.#clamd.requestSlot(() => this.#beginStream());
    if (this.#state === 'waiting') this.#pause();
  }

  #beginStream(): void {
    this.#state = 'streaming';
    this.#lastBlockAt = performance.now();
    this.#clamd.addStreaming(this);
    const stream = this.#open((outcome) => {
      this.#record(outcome);
      this.#giveUp(outcome);
    });
    let hasRoom = true;
    for (const part of this.#head) hasRoom = stream.write(part);
    this.#dropHead();
    if (hasRoom) this.#unpause();
    else this.#pause();
  }

  #open(onOutcome: (outcome: VirusOutcome) => void): Instream {
    const { address, connectMillis } = this.#clamd;
    this.#stream = new Instream({
      address,
      connectMillis,
      onRoom: () => this.#unpause(),
      onOutcome,
    });
    return this.#stream;
  }

  /** With its slot. */
  #closeStream(): void {
    if (this.#stream === undefined) return;
    this.#stream.destroy();
    this.#stream = undefined;
    this.#clamd.removeStreaming(this);
    this.#clamd.releaseSlot();
  }

  #giveUp(outcome: VirusOutcome): void {
    this.#outcome = outcome;
    const settle = this.#settle;
    if (settle === undefined) this.#state = 'given-up';
    this.#cancelWait?.();
    this.#dropHead();
    this.#closeStream();
    this.#unpause();
    settle?.(outcome);
  }

  #endStream(deadline: number): Promise<VirusOutcome> {
    // From now on clamd works, and is not waiting for the client.
    this.#clamd.removeStreaming(this);
    this.#stream?.end();
    return this.#outcomeBy(deadline);
  }

  /** Until the deadline. */
  #outcomeBy(deadline: number): Promise<VirusOutcome> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const outcome = failed('timeout', `no answer in ${this.#clamd.timeoutMillis} ms`);
        this.#record(outcome);
        this.#giveUp(outcome);
      }, deadline - performance.now());
      this.#settle = (outcome) => {
        clearTimeout(timer);
        this.#settle = undefined;
        resolve(outcome);
      };
    });
  }

  async #scanWhole(blocks: readonly Buffer[], deadline: number): Promise<VirusOutcome> {
    if (!this.#clamd.breaker.admits()) {
      this.#dropHead();
      return CIRCUIT_OPEN;
    }
    if (!(await this.#slotBy(deadline))) {
      this.#dropHead();
      return BUSY;
    }
    const outcome = this.#outcomeBy(deadline);
    this.#open((found) => {
      this.#record(found);
      this.#giveUp(found);
    }).writeAll(blocks);
    return outcome;
  }

  #slotBy(deadline: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#cancelWait?.();
        resolve(false);
      }, deadline - performance.now());
      this.#settle = () => {
        clearTimeout(timer);
        this.#settle = undefined;
        resolve(false);
      };
      this.#cancelWait = this.#clamd.requestSlot(() => {
        clearTimeout(timer);
        this.#settle = undefined;
        resolve(true);
      });
    });
  }

  #record({ kind }: VirusOutcome): void {
    this.#clamd.breaker.record(kind === 'failed');
  }

  #pause(): void {
    if (this.#pausedAt !== undefined) return;
    this.#pausedAt = performance.now();
    this.#pauseTimer = setTimeout(() => {
      if (this.#state === 'waiting') {
        this.#giveUp(BUSY);
        return;
      }
      const outcome = failed('timeout', `held up a mail for ${this.#clamd.timeoutMillis} ms`);
      this.#record(outcome);
      this.#giveUp(outcome);
    }, this.#pauseMillis);
  }

  #endPause(): boolean {
    if (this.#pausedAt === undefined) return false;
    clearTimeout(this.#pauseTimer);
    this.#pauseMillis -= performance.now() - this.#pausedAt;
    this.#pausedAt = undefined;
    return true;
  }

  #unpause(): void {
    if (this.#endPause()) this.#resume();
  }
}

const DISCARDED = failed('cut', 'the mail was given up');
const BUSY = failed('busy', 'all connections were in use');
const CIRCUIT_OPEN = failed('circuit-open', 'clamd has failed several times in a row');

/** Whether a mail that is in memory is sent again: clamd was not slow, and did not say that it cannot. */
function mayTryAgain(outcome: VirusOutcome): outcome is ScanFailure {
  if (outcome.kind !== 'failed') return false;
  return outcome.reason === 'cut' || outcome.reason === 'busy' || outcome.reason === 'circuit-open';
}
