// Receives the octets of one message: counts them, hashes them and holds them in bounded memory. A message that grows
// past 8 MiB goes to S3 in parts while it still arrives. Its first part is held back, since the trace headers in front
// of it are known only at the end.
import type { DiscardCause, MessageFacts, MessageWriter, Reply } from '../../smtp/index.ts';
import type { JudgedContent, Judgement } from '../../verify/index.ts';
import { ContentDigest } from './content-digest.ts';
import type { FairBudget } from './fair-budget.ts';
import type { Holder, Holding, ShedReason } from './holding.ts';
import { ForgedFieldFilter } from './forged-field-filter.ts';
import { Judging } from './judging.ts';
import { LargeContent } from './large-content.ts';
import { BLOCK_OCTETS, expectedOctets, LITTLE_OCTETS, SMALL_OCTETS } from './memory.ts';
import { PartUploads } from './part-uploads.ts';
import {
  declaredOctets,
  type MailBody,
  type PlacementUpload,
  readHeader,
  type ReceivedMail,
} from './received-mail.ts';
import type { S3WriterParts } from './s3-writer-parts.ts';
import { SmallContent } from './small-content.ts';

type Phase =
  | 'small'
  | 'large'
  /** Nothing is kept any more, and the reply is known. */
  | 'refused'
  | 'ended';

export class S3Writer implements MessageWriter, Holder {
  readonly #facts: MessageFacts;
  readonly #parts: S3WriterParts;
  readonly #resumeClient: () => void;
  readonly #digest = new ContentDigest();
  readonly #forged: ForgedFieldFilter;
  /** `undefined`: nobody judges the message. */
  readonly #judging: Judging | undefined;
  readonly #abort = new AbortController();
  /** Of the budget for small messages; then of the one for large messages. */
  #holding: Holding;

  #phase: Phase = 'small';
  #small: SmallContent | undefined = new SmallContent();
  #large: Holding | undefined;
  #refusal: (() => Reply) | undefined;
  /** `write` asked for a pause, and it is not over. */
  #isWaiting = false;
  /** It waits to enter among the large messages. */
  #isEntering = false;
  #hasEntered = false;
  /** What did not fit yet: of the span that was answered with a pause, and of the same socket read behind it. */
  #rest: Buffer[] = [];
  #waitTimer: NodeJS.Timeout | undefined;
  #onReady: (() => void) | undefined;

  /** A block is reserved, and not taken yet. */
  #hasNextBlock = false;
  readonly #content = new LargeContent();
  readonly #uploads: PartUploads;
  /** In `openMessages`. */
  #isCounted = true;

  constructor(facts: MessageFacts, parts: S3WriterParts, resume: () => void) {
    this.#facts = facts;
    this.#parts = parts;
    this.#resumeClient = resume;
    this.#uploads = new PartUploads(parts, this.#abort.signal);
    this.#holding = this.#join(parts.memory.small, SMALL_OCTETS);
    this.#forged = new ForgedFieldFilter(parts.hostname, (span, received) =>
      this.#take(span, received),
    );
    this.#judging = Judging.begin(parts.judge, facts, {
      pauseMillis: parts.memoryWaitMillis,
      onResume: () => this.#judgeReady(),
      onStuck: () => this.#refuseForJudge(),
    });
  }

  /**
   * For a message that declares its size, before its first octet: whether there will be room for it, at once or within
   * the time that a message may wait.
   */
  enter(): true | Promise<boolean> {
    if (declaredOctets(this.#facts) <= LITTLE_OCTETS) return true;
    const { memory, memoryWaitMillis } = this.#parts;
    this.#large = this.#join(memory.large, expectedOctets(declaredOctets(this.#facts)));
    const entered = memory.large.enter(this.#large, memoryWaitMillis, this.#abort.signal);
    this.#hasEntered = true;
    return entered;
  }

  /** Ends it without an event: it was not opened. */
  close(): void {
    this.#phase = 'ended';
    this.#judging?.discard();
    this.#release();
  }

  write(span: Buffer, received = span): boolean {
    // The judge sees the fields under the names that the client gave them.
    const judged = this.#judging?.write(span) ?? true;
    if (!judged) this.#holding.pause(performance.now());
    const taken = this.#forged.isOver
      ? this.#take(span, received)
      : this.#forged.write(span, received);
    // A message that was refused meanwhile is read to its end.
    return taken && (judged || this.#judging?.isPaused === false);
  }

  #take(span: Buffer, received: Buffer): boolean {
    this.#digest.count(span, received);
    if (this.#phase === 'refused' || this.#phase === 'ended') return true;
    const now = performance.now();
    this.#holding.bring(received.length, now);
    if (this.#phase === 'small') this.#large?.bring(received.length, now);
    this.#digest.update(span, received);
    if (this.#phase === 'small') {
      this.#small?.add(span);
      // What still arrives after a pause was asked for is bounded by one socket read, twice that where it is normalized.
      return this.#isWaiting ? false : this.#reserveSmall();
    }
    if (this.#rest.length === 0) return this.#append(span);
    this.#rest.push(span);
    return false;
  }

  async commit(): Promise<Reply> {
    const endedAt = performance.now();
    this.#holding.isProtected = true;
    this.#forged.end();
    try {
      // The end of the data may arrive in the same socket read that was answered with a pause.
      if (this.#isWaiting) await new Promise<void>((resolve) => (this.#onReady = resolve));
      const whole = this.#uploads.isBegun
        ? undefined
        : (this.#small?.take() ?? this.#content.filled());
      const header = readHeader(whole ?? this.#content.first, this.#digest.storedOctets);
      const judged = await this.#judge({ header, ...(whole && { chunks: whole }) }, endedAt);
      // Never rejects: a failure becomes a refusal.
      await this.#uploads.settled();
      if (this.#refusal !== undefined) return this.#refusal();
      let uploads: readonly PlacementUpload[] | undefined;
      try {
        uploads = await this.#uploads.begun();
      } catch (error) {
        return this.#parts.deferrals.uploadFailed(this.#facts, this.#digest.sizeInOctets, error);
      }
      const body: MailBody =
        uploads === undefined
          ? { kind: 'whole', chunks: whole ?? [] }
          : {
              kind: 'parts',
              first: this.#content.first,
              last: this.#content.filled(),
              lastNumber: this.#uploads.nextNumber,
              uploads,
            };
      return await this.#parts.committer.commit({
        facts: this.#facts,
        endedAt,
        ...this.#digest.finish(this.#forged.renamed),
        header,
        body,
        ...(judged && { judged }),
      });
    } finally {
      this.#phase = 'ended';
      this.#release();
    }
  }

  /** What the judge says; where the message is not taken, it is refused with that. */
  async #judge(content: JudgedContent, endedAt: number): Promise<ReceivedMail['judged']> {
    if (this.#judging === undefined || this.#refusal !== undefined) return undefined;
    let judgement: Judgement | undefined;
    try {
      judgement = await this.#judging.end(content, this.#parts.judgeMillis);
    } catch (error) {
      // The server answers 451, and nothing of the message stays.
      this.#giveUp();
      await this.#uploads.abort();
      throw error;
    }
    const millis = performance.now() - endedAt;
    if (judgement === undefined) this.#refuseForJudge();
    else if (judgement.refusal === undefined) return { judgement, millis };
    else {
      const { refusal } = judgement;
      const { sizeInOctets } = this.#digest;
      this.#refuse(() =>
        this.#parts.deferrals.refusedByJudge(this.#facts, sizeInOctets, refusal, millis),
      );
    }
    await this.#uploads.abort();
    return undefined;
  }

  discard(cause: DiscardCause): void {
    this.#phase = 'ended';
    this.#parts.observe({
      kind: 'message-discarded',
      facts: this.#facts,
      sizeInOctets: this.#digest.sizeInOctets,
      cause,
    });
    this.#giveUp();
  }

  // Memory

  /** The budget's answer to a message that had to wait. */
  granted(): void {
    if (this.#phase === 'refused' || this.#phase === 'ended') return;
    this.#stopWaitTimer();
    if (this.#phase === 'large') this.#hasNextBlock = true;
    this.#resume();
  }

  /** The budget lets the message go, for one that deserves the memory more. */
  shed(reason: ShedReason): void {
    if (this.#phase === 'refused' || this.#phase === 'ended') return;
    const heldOctets = this.#holding.held;
    this.#parts.observe({ kind: 'message-shed', facts: this.#facts, reason, heldOctets });
    this.#refuseForMemory();
  }

  #join(budget: FairBudget, expected: number): Holding {
    const { clientAddress, listener } = this.#facts.session;
    return budget.join(this, this.#parts.clientOf(clientAddress), listener, expected);
  }

  /** Reserves the memory for what was added; `false` when that has to wait. */
  #reserveSmall(): boolean {
    const held = this.#small?.heldOctets ?? 0;
    if (held > SMALL_OCTETS) return this.#grow();
    const more = held - this.#holding.held;
    return more <= 0 || this.#reserve(this.#parts.memory.small, more);
  }

  #reserve(budget: FairBudget, octets: number): boolean {
    if (budget.reserve(this.#holding, octets)) return true;
    this.#wait();
    this.#waitTimer ??= setTimeout(() => this.#refuseForMemory(), this.#parts.memoryWaitMillis);
    return false;
  }

  /** From small to large, at once or when there is room for another large message. */
  #grow(): boolean {
    const declared = declaredOctets(this.#facts);
    const isLittle = declared >= this.#digest.storedOctets && declared <= LITTLE_OCTETS;
    const { large } = this.#parts.memory;
    if (this.#large === undefined) {
      this.#large = this.#join(large, expectedOctets(isLittle ? declared : 0));
      this.#large.bring(this.#digest.sizeInOctets, performance.now());
    }
    if (this.#hasEntered || isLittle) return this.#moveToBlocks();
    return this.#enterThen(this.#large, () => this.#moveToBlocks());
  }

  /** Waits to enter, then goes on. A message that waits too long is refused. */
  #enterThen(large: Holding, goOn: () => boolean): boolean {
    if (this.#isEntering) return false;
    const { memory, memoryWaitMillis } = this.#parts;
    const entering = memory.large.enter(large, memoryWaitMillis, this.#abort.signal);
    if (entering === true) {
      this.#hasEntered = true;
      return goOn();
    }
    this.#wait();
    this.#isEntering = true;
    void entering.then((entered) => {
      this.#isEntering = false;
      if (this.#phase === 'refused' || this.#phase === 'ended') return;
      if (!entered) {
        this.#refuseForMemory();
        return;
      }
      this.#hasEntered = true;
      if (goOn()) this.#ready();
    });
    return false;
  }

  #moveToBlocks(): boolean {
    if (this.#large === undefined) throw new Error('expected a holding of blocks, got none');
    const chunks = this.#small?.take() ?? [];
    this.#small = undefined;
    this.#phase = 'large';
    const now = performance.now();
    const { isProtected } = this.#holding;
    this.#parts.memory.small.leave(this.#holding);
    this.#holding = this.#large;
    this.#holding.isProtected = isProtected;
    if (this.#isWaiting || this.#judging?.isPaused === true) this.#holding.pause(now);
    return this.#append(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
  }

  /** Copies into blocks as far as there are any; `false` when the rest has to wait. */
  #append(span: Buffer): boolean {
    let at = 0;
    while (at < span.length) {
      if (this.#content.isFull && !this.#nextBlock()) {
        this.#rest.unshift(span.subarray(at));
        this.#wait();
        return false;
      }
      at += this.#content.copy(span, at);
    }
    return true;
  }

  /** Makes room for one more block; `false` when that has to wait. */
  #nextBlock(): boolean {
    if (!this.#uploads.isBegun && this.#content.isPastSinglePut) {
      this.#content.splitFirst();
      this.#uploads.begin(this.#facts);
    }
    if (this.#uploads.isBegun && this.#content.isPart) {
      if (this.#uploads.isUploading) return false;
      this.#uploadPart(this.#content.takePart());
    }
    const { large, blocks } = this.#parts.memory;
    if (!this.#hasEntered && this.#holding.held >= LITTLE_OCTETS) {
      // It sends more than it declared.
      this.#holding.expected = expectedOctets(0);
      return this.#enterThen(this.#holding, () => this.#goOn());
    }
    if (!this.#hasNextBlock && !this.#reserve(large, BLOCK_OCTETS)) return false;
    this.#hasNextBlock = false;
    this.#content.addBlock(blocks.take());
    return true;
  }

  #uploadPart(part: readonly Buffer[]): void {
    this.#uploads.put(part, (error) => {
      this.#putBack(part);
      if (this.#phase !== 'large') return;
      if (error === undefined) {
        this.#resume();
        return;
      }
      this.#refuse(() =>
        this.#parts.deferrals.uploadFailed(this.#facts, this.#digest.sizeInOctets, error),
      );
    });
  }

  #wait(): void {
    this.#isWaiting = true;
    this.#holding.pause(performance.now());
  }

  /** There may be room now. */
  #resume(): void {
    if (!this.#isWaiting || this.#phase === 'refused' || this.#phase === 'ended') return;
    const isReady = this.#phase === 'small' ? this.#reserveSmall() : this.#goOn();
    if (isReady) this.#ready();
  }

  /** Copies what had to wait. */
  #goOn(): boolean {
    for (let span = this.#rest.shift(); span !== undefined; span = this.#rest.shift()) {
      if (!this.#append(span)) return false;
    }
    return true;
  }

  /** The pause is over: there is room, or the message is refused. */
  #ready(): void {
    this.#stopWaitTimer();
    this.#isWaiting = false;
    this.#onReady?.();
    this.#resumeReading();
  }

  #judgeReady(): void {
    if (!this.#isWaiting) this.#resumeReading();
  }

  /** Unless somebody still needs the pause. */
  #resumeReading(): void {
    if (this.#judging?.isPaused === true) return;
    this.#holding.resume(performance.now());
    this.#resumeClient();
  }

  #stopWaitTimer(): void {
    clearTimeout(this.#waitTimer);
    this.#waitTimer = undefined;
  }

  #refuseForMemory(): void {
    if (this.#phase === 'refused' || this.#phase === 'ended') return;
    this.#refuse(() => this.#parts.deferrals.overloaded(this.#facts, this.#digest.sizeInOctets));
  }

  /** The judge takes too long. */
  #refuseForJudge(): void {
    if (this.#phase === 'refused' || this.#phase === 'ended') return;
    this.#refuse(() => this.#parts.deferrals.judgeLate(this.#facts, this.#digest.sizeInOctets));
  }

  /** Keeps nothing from now on. The client sends the rest and gets the reply at its end. */
  #refuse(reply: () => Reply): void {
    this.#refusal = reply;
    this.#phase = 'refused';
    const isPaused = this.#judging?.isPaused === true;
    this.#giveUp();
    if (this.#isWaiting) this.#ready();
    else if (isPaused) this.#resumeReading();
  }

  #giveUp(): void {
    this.#abort.abort();
    this.#judging?.discard();
    this.#releaseKept();
    void this.#uploads.abort().then(() => this.#release());
  }

  /** Everything but the part that an upload reads. */
  #releaseKept(): void {
    this.#stopWaitTimer();
    this.#rest = [];
    this.#small = undefined;
    this.#putBack(this.#content.takeAll());
    if (!this.#uploads.isUploading) this.#leave();
  }

  #release(): void {
    this.#releaseKept();
    this.#leave();
    if (this.#phase !== 'ended' || !this.#isCounted) return;
    this.#isCounted = false;
    this.#parts.openMessages.end();
  }

  #putBack(blocks: readonly Buffer[]): void {
    if (blocks.length === 0) return;
    const { memory } = this.#parts;
    memory.blocks.putBack(blocks);
    memory.large.reduce(this.#holding, blocks.length * BLOCK_OCTETS);
  }

  #leave(): void {
    const { small, large } = this.#parts.memory;
    if (this.#large !== undefined) large.leave(this.#large);
    if (this.#holding !== this.#large) small.leave(this.#holding);
  }
}
