// Receives the octets of one message: counts them, hashes them and holds them in bounded memory. A message that grows
// past 8 MiB goes to S3 in parts while it still arrives. Its first part is held back, since the trace headers in front
// of it are known only at the end.
import { createHash, type Hash } from 'node:crypto';
import {
  HEADER_SECTION_OCTETS,
  type HeaderSection,
  readHeaderSection,
} from '../../message/header-section.ts';
import type { DiscardCause, MessageFacts, MessageWriter, Reply } from '../../smtp/index.ts';
import { ProgressDeadline } from '../aws/deadline.ts';
import type { Committer } from '../committer.ts';
import type { Deferrals } from '../deferrals.ts';
import type { Observe } from '../events.ts';
import { awaitAll } from '../store/object-store.ts';
import type { PlacementUploads } from '../store/placement-uploads.ts';
import {
  BLOCK_OCTETS,
  type Memory,
  PART_BLOCKS,
  type Reservation,
  SMALL_OCTETS,
  WINDOW_BLOCKS,
} from './memory.ts';
import type { OpenMessages } from './open-messages.ts';
import type { MailBody, PlacementUpload } from './received-mail.ts';
import { SmallContent } from './small-content.ts';

/** The parts of the bridge that every message uses. */
export interface S3WriterParts {
  readonly memory: Memory;
  readonly uploads: PlacementUploads;
  readonly committer: Committer;
  readonly deferrals: Deferrals;
  /** The caller counted the message; the writer ends it. */
  readonly openMessages: OpenMessages;
  readonly observe: Observe;
  /** How long a message may wait for memory. */
  readonly memoryWaitMillis: number;
  /** How long the upload of one part may go on without progress. */
  readonly partMillis: number;
  /** How long it may take in all. */
  readonly partTotalMillis: number;
}

/** What is stored by one PutObject: a whole number of blocks. */
const SINGLE_PUT_BLOCKS = (8 * 1024 * 1024) / BLOCK_OCTETS;

type Phase =
  | 'small'
  | 'large'
  /** Nothing is kept any more, and the reply is known. */
  | 'refused'
  | 'ended';

export class S3Writer implements MessageWriter {
  readonly #facts: MessageFacts;
  readonly #parts: S3WriterParts;
  readonly #resumeClient: () => void;
  readonly #hash = createHash('sha256');
  /** Of the octets to store, from the first one on that is not as received. */
  #storedHash: Hash | undefined;
  readonly #abort = new AbortController();
  readonly #reservation: Reservation = { held: 0 };

  #phase: Phase = 'small';
  #sizeInOctets = 0;
  #storedOctets = 0;
  #small: SmallContent | undefined = new SmallContent();
  #refusal: (() => Reply) | undefined;
  /** `write` asked for a pause, and it is not over. */
  #isWaiting = false;
  /** The message waits for blocks. */
  #isGrowing = false;
  /** What did not fit yet: of the span that was answered with a pause, and of the same socket read behind it. */
  #rest: Buffer[] = [];
  #waitTimer: NodeJS.Timeout | undefined;
  #onReady: (() => void) | undefined;

  #ownedBlocks = 0;
  #takenBlocks = 0;
  #first: Buffer[] = [];
  #filling: Buffer[] = [];
  /** Octets used in the last block of `filling`. */
  #fill = BLOCK_OCTETS;
  #partNumber = 0;
  #uploads: Promise<readonly PlacementUpload[]> | undefined;
  #uploading: Promise<void> | undefined;
  /** In `openMessages`. */
  #isCounted = true;

  constructor(facts: MessageFacts, parts: S3WriterParts, resume: () => void, ownedBlocks = 0) {
    this.#facts = facts;
    this.#parts = parts;
    this.#resumeClient = resume;
    this.#ownedBlocks = ownedBlocks;
  }

  write(span: Buffer, received = span): boolean {
    this.#sizeInOctets += received.length;
    this.#storedOctets += span.length;
    if (this.#phase === 'refused' || this.#phase === 'ended') return true;
    if (received !== span) this.#storedHash ??= this.#hash.copy();
    this.#hash.update(received);
    this.#storedHash?.update(span);
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
    try {
      // The end of the data may arrive in the same socket read that was answered with a pause.
      if (this.#isWaiting) await new Promise<void>((resolve) => (this.#onReady = resolve));
      // Never rejects: a failure becomes a refusal.
      await this.#uploading;
      if (this.#refusal !== undefined) return this.#refusal();
      let uploads: readonly PlacementUpload[] | undefined;
      try {
        uploads = await this.#uploads;
      } catch (error) {
        return this.#parts.deferrals.uploadFailed(this.#facts, this.#sizeInOctets, error);
      }
      const body: MailBody =
        uploads === undefined
          ? { kind: 'whole', chunks: this.#small?.take() ?? this.#filled() }
          : {
              kind: 'parts',
              first: this.#first,
              last: this.#filled(),
              lastNumber: this.#partNumber + 1,
              uploads,
            };
      return await this.#parts.committer.commit({
        facts: this.#facts,
        endedAt,
        sizeInOctets: this.#sizeInOctets,
        sha256: this.#hash.digest(),
        ...(this.#storedHash && {
          stored: { sizeInOctets: this.#storedOctets, sha256: this.#storedHash.digest() },
        }),
        header: this.#readHeader(body),
        body,
      });
    } finally {
      this.#phase = 'ended';
      this.#release();
    }
  }

  discard(cause: DiscardCause): void {
    this.#phase = 'ended';
    this.#parts.observe({
      kind: 'message-discarded',
      facts: this.#facts,
      sizeInOctets: this.#sizeInOctets,
      cause,
    });
    this.#giveUp();
  }

  // Small

  /** Reserves the memory for what was added; `false` when that has to wait. */
  #reserveSmall(): boolean {
    const held = this.#small?.heldOctets ?? 0;
    if (held > SMALL_OCTETS) return this.#grow();
    const more = held - this.#reservation.held;
    if (more <= 0) return true;
    const { memory, memoryWaitMillis } = this.#parts;
    if (memory.small.reserve(this.#reservation, more, () => this.#resume())) return true;
    this.#isWaiting = true;
    this.#waitTimer ??= setTimeout(() => this.#refuseForMemory(), memoryWaitMillis);
    return false;
  }

  // Large

  /** From small to large, at once or when there are blocks. */
  #grow(): boolean {
    if (this.#ownedBlocks > 0) return this.#moveToBlocks();
    const blocks = blocksFor(this.#facts, this.#storedOctets);
    if (this.#parts.memory.large.tryOwn(blocks)) {
      this.#ownedBlocks = blocks;
      return this.#moveToBlocks();
    }
    this.#wait(blocks, () => {
      if (this.#moveToBlocks()) this.#ready();
    });
    return false;
  }

  #moveToBlocks(): boolean {
    const chunks = this.#small?.take() ?? [];
    this.#small = undefined;
    this.#phase = 'large';
    this.#parts.memory.small.release(this.#reservation);
    return this.#append(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
  }

  /** Waits to own more blocks. A message that waits too long is refused. */
  #wait(blocks: number, then: () => void): void {
    const { memory, memoryWaitMillis } = this.#parts;
    this.#isWaiting = true;
    if (this.#isGrowing) return;
    this.#isGrowing = true;
    void memory.large.own(blocks, memoryWaitMillis, this.#abort.signal).then((owned) => {
      this.#isGrowing = false;
      if (!owned) {
        this.#refuseForMemory();
        return;
      }
      if (this.#phase === 'refused' || this.#phase === 'ended') {
        memory.large.disown(blocks);
        return;
      }
      this.#ownedBlocks += blocks;
      then();
    });
  }

  /** Copies into blocks as far as there are any; `false` when the rest has to wait. */
  #append(span: Buffer): boolean {
    let at = 0;
    while (at < span.length) {
      if (this.#fill === BLOCK_OCTETS && !this.#nextBlock()) {
        this.#rest.unshift(span.subarray(at));
        this.#isWaiting = true;
        return false;
      }
      const block = this.#filling.at(-1);
      if (block === undefined) return true;
      const copied = span.copy(block, this.#fill, at);
      this.#fill += copied;
      at += copied;
    }
    return true;
  }

  /** Makes room for one more block; `false` when that has to wait. */
  #nextBlock(): boolean {
    if (this.#partNumber === 0 && this.#filling.length === SINGLE_PUT_BLOCKS) this.#beginParts();
    if (this.#partNumber > 0 && this.#filling.length === PART_BLOCKS) {
      if (this.#uploading !== undefined) return false;
      this.#uploadPart(this.#filling);
      this.#filling = [];
    }
    if (this.#takenBlocks === this.#ownedBlocks) {
      // The client sent more than it declared.
      this.#wait(WINDOW_BLOCKS - this.#ownedBlocks, () => this.#resume());
      return false;
    }
    this.#filling.push(this.#parts.memory.large.take());
    this.#takenBlocks += 1;
    this.#fill = 0;
    return true;
  }

  #beginParts(): void {
    this.#first = this.#filling.splice(0, PART_BLOCKS);
    this.#partNumber = 1;
    const deadline = this.#partDeadline();
    this.#uploads = this.#parts.uploads.begin(this.#facts, deadline.signal);
    // A part or the commit awaits it and handles the rejection.
    this.#uploads.catch(() => undefined).finally(() => deadline[Symbol.dispose]());
  }

  #uploadPart(part: readonly Buffer[]): void {
    this.#partNumber += 1;
    const number = this.#partNumber;
    const upload = async (): Promise<void> => {
      using deadline = this.#partDeadline();
      const uploads = (await this.#uploads) ?? [];
      await awaitAll(uploads.map((each) => each.upload.putPart(number, part, deadline.signal)));
    };
    this.#uploading = upload().then(
      () => {
        this.#uploading = undefined;
        this.#parts.memory.large.putBack(part);
        this.#takenBlocks -= part.length;
        if (this.#phase === 'large') this.#resume();
      },
      (error: unknown) => {
        this.#uploading = undefined;
        this.#parts.memory.large.putBack(part);
        this.#takenBlocks -= part.length;
        if (this.#phase !== 'large') return;
        this.#refuse(() =>
          this.#parts.deferrals.uploadFailed(this.#facts, this.#sizeInOctets, error),
        );
      },
    );
  }

  #partDeadline(): ProgressDeadline {
    const { partMillis, partTotalMillis } = this.#parts;
    const { signal } = this.#abort;
    return new ProgressDeadline({ stallMillis: partMillis, totalMillis: partTotalMillis, signal });
  }

  /** The blocks of `filling`, the last one up to where it is used. */
  #filled(): Buffer[] {
    const last = this.#filling.at(-1);
    return last === undefined ? [] : [...this.#filling.slice(0, -1), last.subarray(0, this.#fill)];
  }

  #readHeader(body: MailBody): HeaderSection {
    const head = headOf(body.kind === 'whole' ? body.chunks : body.first);
    return readHeaderSection(head, this.#storedOctets <= HEADER_SECTION_OCTETS);
  }

  // Waiting and ending

  /** There may be room now. */
  #resume(): void {
    if (!this.#isWaiting || this.#phase === 'refused' || this.#phase === 'ended') return;
    if (this.#phase === 'small') {
      if (this.#reserveSmall()) this.#ready();
      return;
    }
    for (let span = this.#rest.shift(); span !== undefined; span = this.#rest.shift()) {
      if (!this.#append(span)) return;
    }
    this.#ready();
  }

  /** The pause is over: there is room, or the message is refused. */
  #ready(): void {
    clearTimeout(this.#waitTimer);
    this.#waitTimer = undefined;
    this.#isWaiting = false;
    this.#resumeClient();
    this.#onReady?.();
  }

  #refuseForMemory(): void {
    if (this.#phase === 'refused' || this.#phase === 'ended') return;
    this.#refuse(() => this.#parts.deferrals.overloaded(this.#facts, this.#sizeInOctets));
  }

  /** Keeps nothing from now on. The client sends the rest and gets the reply at its end. */
  #refuse(reply: () => Reply): void {
    this.#refusal = reply;
    this.#phase = 'refused';
    this.#giveUp();
    if (this.#isWaiting) this.#ready();
  }

  #giveUp(): void {
    this.#abort.abort();
    const uploads = this.#uploads;
    // An upload is aborted when none of its parts is in progress: a part that arrived after the abort would stay.
    void Promise.allSettled([this.#uploading, uploads]).then(async () => {
      for (const { upload } of (await uploads?.catch(() => [])) ?? []) upload.abort();
      this.#release();
    });
  }

  #release(): void {
    clearTimeout(this.#waitTimer);
    this.#rest = [];
    this.#small = undefined;
    const { small, large } = this.#parts.memory;
    small.release(this.#reservation);
    large.putBack(this.#first);
    large.putBack(this.#filling);
    this.#first = [];
    this.#filling = [];
    const owned = this.#ownedBlocks;
    this.#ownedBlocks = 0;
    if (owned > 0) large.disown(owned);
    if (this.#phase !== 'ended' || !this.#isCounted) return;
    this.#isCounted = false;
    this.#parts.openMessages.end();
  }
}

/** What a message of this declared size will ever need. Without a declared size, or past it: the whole window. */
export function blocksFor({ envelope }: MessageFacts, sizeInOctets: number): number {
  const declared = envelope.parameters.size ?? 0;
  if (declared < sizeInOctets) return WINDOW_BLOCKS;
  // RFC 1870 section 3: the declared size includes line ends. One more block for clients that count otherwise.
  const blocks = Math.ceil(declared / BLOCK_OCTETS) + 1;
  return blocks > SINGLE_PUT_BLOCKS ? WINDOW_BLOCKS : blocks;
}

/** As many octets from the start as the header section may have, or all. */
function headOf(chunks: readonly Buffer[]): Buffer {
  const needed: Buffer[] = [];
  let octets = 0;
  for (const chunk of chunks) {
    needed.push(chunk);
    octets += chunk.length;
    if (octets > HEADER_SECTION_OCTETS) break;
  }
  const [only] = needed;
  return needed.length === 1 && only !== undefined ? only : Buffer.concat(needed);
}
