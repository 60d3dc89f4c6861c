// The octets of one message on their way in: counted, hashed, and held in bounded memory. What grows past
// 8 MiB goes to S3 while it still arrives; its first part is held back, since the trace headers in front of
// it are known only at the end.
import { createHash } from 'node:crypto';
import type { DiscardCause, MessageFacts, MessageWriter, Reply } from '../../smtp/index.ts';
import type { Copy } from '../placements.ts';
import {
  HEADER_SECTION_OCTETS,
  type HeaderSection,
  readHeaderSection,
} from '../../message/header-section.ts';
import {
  BLOCK_OCTETS,
  type Memory,
  PART_BLOCKS,
  SMALL_OCTETS,
  type SmallShare,
  WINDOW_BLOCKS,
} from './memory.ts';
import { settled, type Upload } from '../store/object-store.ts';
import { SmallContent } from './small-content.ts';

/** A message that has come whole. */
export interface ReceivedMail {
  readonly facts: MessageFacts;
  /** When the last octet had come, on the clock of `performance.now`: the commit's budget begins here. */
  readonly endedAt: number;
  readonly sizeInOctets: number;
  readonly sha256: Buffer;
  readonly header: HeaderSection;
  readonly body: MailBody;
}

/** `parts`: all between the first part and the last is in S3 already, in an upload for each copy. */
export type MailBody =
  | { readonly kind: 'whole'; readonly chunks: readonly Buffer[] }
  | {
      readonly kind: 'parts';
      readonly first: readonly Buffer[];
      readonly last: readonly Buffer[];
      readonly lastNumber: number;
      readonly uploads: readonly CopyUpload[];
    };

export interface CopyUpload {
  readonly copy: Copy;
  readonly upload: Upload;
}

/** What the message needs of the bridge. */
export interface Receiving {
  readonly memory: Memory;
  readonly memoryWaitMillis: number;
  /** Begins the uploads of a large message, one for each copy. */
  beginUploads(facts: MessageFacts, signal: AbortSignal): Promise<readonly CopyUpload[]>;
  /** How long the upload of one part may take. */
  readonly partMillis: number;
  /** Called with the whole message; the memory is given back when it settles. */
  commit(mail: ReceivedMail): Promise<Reply>;
  /** Memory did not come in time: the reply, told to the log. */
  overloaded(facts: MessageFacts, sizeInOctets: number): Reply;
  /** S3 failed while the data still came: the reply, told to the log. */
  failed(facts: MessageFacts, sizeInOctets: number, error: unknown): Reply;
  discarded(facts: MessageFacts, sizeInOctets: number, cause: DiscardCause): void;
  /** Nothing of the message is held or under way any more. */
  ended(): void;
}

/** What goes up in one PutObject; it is a whole number of blocks. */
const SINGLE_PUT_BLOCKS = (8 * 1024 * 1024) / BLOCK_OCTETS;

type Phase =
  | 'small'
  | 'large'
  /** Nothing is kept any more; the reply is known. */
  | 'refused'
  | 'ended';

export class IncomingMessage implements MessageWriter {
  readonly #facts: MessageFacts;
  readonly #receiving: Receiving;
  readonly #drained: () => void;
  readonly #hash = createHash('sha256');
  readonly #abort = new AbortController();
  readonly #share: SmallShare = { held: 0 };

  #phase: Phase = 'small';
  #sizeInOctets = 0;
  #small: SmallContent | undefined = new SmallContent();
  #refusal: (() => Reply) | undefined;
  /** A pause was asked for and is not over. */
  #isWaiting = false;
  /** The wait is one for blocks. */
  #isGrowing = false;
  /** What did not fit yet: of the span that was answered with a pause, and of the same read behind it. */
  #rest: Buffer[] = [];
  #waitTimer: NodeJS.Timeout | undefined;
  #onReady: (() => void) | undefined;

  #ownedBlocks = 0;
  #takenBlocks = 0;
  #first: Buffer[] = [];
  #filling: Buffer[] = [];
  /** Octets used of the last block of `filling`. */
  #fill = BLOCK_OCTETS;
  #partNumber = 0;
  #uploads: Promise<readonly CopyUpload[]> | undefined;
  #uploading: Promise<void> | undefined;
  #told = false;

  constructor(facts: MessageFacts, receiving: Receiving, drained: () => void, ownedBlocks = 0) {
    this.#facts = facts;
    this.#receiving = receiving;
    this.#drained = drained;
    this.#ownedBlocks = ownedBlocks;
  }

  write(span: Buffer): boolean {
    this.#sizeInOctets += span.length;
    if (this.#phase === 'refused' || this.#phase === 'ended') return true;
    this.#hash.update(span);
    if (this.#phase === 'small') {
      this.#small?.add(span);
      // What a read still brings after a pause was asked for is bounded by the read.
      return this.#isWaiting ? false : this.#settleSmall();
    }
    if (this.#rest.length === 0) return this.#append(span);
    this.#rest.push(span);
    return false;
  }

  async commit(): Promise<Reply> {
    const endedAt = performance.now();
    try {
      // The end of the data may come with the read that was answered with a pause.
      if (this.#isWaiting) await new Promise<void>((resolve) => (this.#onReady = resolve));
      // Fails only into a refusal.
      await this.#uploading;
      if (this.#refusal !== undefined) return this.#refusal();
      let uploads: readonly CopyUpload[] | undefined;
      try {
        uploads = await this.#uploads;
      } catch (error) {
        return this.#receiving.failed(this.#facts, this.#sizeInOctets, error);
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
      return await this.#receiving.commit({
        facts: this.#facts,
        endedAt,
        sizeInOctets: this.#sizeInOctets,
        sha256: this.#hash.digest(),
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
    this.#receiving.discarded(this.#facts, this.#sizeInOctets, cause);
    this.#giveUp();
  }

  // Small

  /** Takes the memory for what was added; `false` when that has to wait. */
  #settleSmall(): boolean {
    const held = this.#small?.heldOctets ?? 0;
    if (held > SMALL_OCTETS) return this.#grow();
    const more = held - this.#share.held;
    if (more <= 0) return true;
    const { memory, memoryWaitMillis } = this.#receiving;
    if (memory.small.take(this.#share, more, () => this.#resume())) return true;
    this.#isWaiting = true;
    this.#waitTimer ??= setTimeout(() => this.#refuseForMemory(), memoryWaitMillis);
    return false;
  }

  // Large

  /** From small to large, at once or when the blocks have come. */
  #grow(): boolean {
    if (this.#ownedBlocks > 0) return this.#moveToBlocks();
    const blocks = blocksFor(this.#facts, this.#sizeInOctets);
    if (this.#receiving.memory.large.tryOwn(blocks)) {
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
    this.#receiving.memory.small.release(this.#share);
    return this.#append(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
  }

  /** Waits for the ownership of more blocks; too long, and the message is refused. */
  #wait(blocks: number, then: () => void): void {
    const { memory, memoryWaitMillis } = this.#receiving;
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

  /** Copies into blocks as far as there are any; `false` when a rest has to wait. */
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

  /** Makes room for one block more; `false` when that has to wait. */
  #nextBlock(): boolean {
    if (this.#partNumber === 0 && this.#filling.length === SINGLE_PUT_BLOCKS) this.#beginParts();
    if (this.#partNumber > 0 && this.#filling.length === PART_BLOCKS) {
      if (this.#uploading !== undefined) return false;
      this.#uploadPart(this.#filling);
      this.#filling = [];
    }
    if (this.#takenBlocks === this.#ownedBlocks) {
      // The client sent more than its SIZE said.
      this.#wait(WINDOW_BLOCKS - this.#ownedBlocks, () => this.#resume());
      return false;
    }
    this.#filling.push(this.#receiving.memory.large.take());
    this.#takenBlocks += 1;
    this.#fill = 0;
    return true;
  }

  #beginParts(): void {
    this.#first = this.#filling.splice(0, PART_BLOCKS);
    this.#partNumber = 1;
    this.#uploads = this.#receiving.beginUploads(this.#facts, this.#partSignal());
    // Said where a part or the commit waits for it.
    this.#uploads.catch(() => undefined);
  }

  #uploadPart(part: readonly Buffer[]): void {
    this.#partNumber += 1;
    const number = this.#partNumber;
    const signal = this.#partSignal();
    const upload = async (): Promise<void> => {
      const uploads = (await this.#uploads) ?? [];
      await settled(uploads.map((each) => each.upload.putPart(number, part, signal)));
    };
    this.#uploading = upload().then(
      () => {
        this.#uploading = undefined;
        this.#receiving.memory.large.putBack(part);
        this.#takenBlocks -= part.length;
        if (this.#phase === 'large') this.#resume();
      },
      (error: unknown) => {
        this.#uploading = undefined;
        this.#receiving.memory.large.putBack(part);
        this.#takenBlocks -= part.length;
        if (this.#phase !== 'large') return;
        this.#refuse(() => this.#receiving.failed(this.#facts, this.#sizeInOctets, error));
      },
    );
  }

  #partSignal(): AbortSignal {
    return AbortSignal.any([this.#abort.signal, AbortSignal.timeout(this.#receiving.partMillis)]);
  }

  /** The blocks of `filling`, the last one as far as it is used. */
  #filled(): Buffer[] {
    const last = this.#filling.at(-1);
    return last === undefined ? [] : [...this.#filling.slice(0, -1), last.subarray(0, this.#fill)];
  }

  #readHeader(body: MailBody): HeaderSection {
    const head = headOf(body.kind === 'whole' ? body.chunks : body.first);
    return readHeaderSection(head, this.#sizeInOctets <= HEADER_SECTION_OCTETS);
  }

  // Waiting and ending

  /** There may be room now. */
  #resume(): void {
    if (!this.#isWaiting || this.#phase === 'refused' || this.#phase === 'ended') return;
    if (this.#phase === 'small') {
      if (this.#settleSmall()) this.#ready();
      return;
    }
    for (let span = this.#rest.shift(); span !== undefined; span = this.#rest.shift()) {
      if (!this.#append(span)) return;
    }
    this.#ready();
  }

  /** The pause is over, one way or the other. */
  #ready(): void {
    clearTimeout(this.#waitTimer);
    this.#waitTimer = undefined;
    this.#isWaiting = false;
    this.#drained();
    this.#onReady?.();
  }

  #refuseForMemory(): void {
    if (this.#phase === 'refused' || this.#phase === 'ended') return;
    this.#refuse(() => this.#receiving.overloaded(this.#facts, this.#sizeInOctets));
  }

  /** Keeps nothing from now on; the client sends the rest and hears the reply at its end. */
  #refuse(reply: () => Reply): void {
    this.#refusal = reply;
    this.#phase = 'refused';
    this.#giveUp();
    if (this.#isWaiting) this.#ready();
  }

  #giveUp(): void {
    this.#abort.abort();
    const uploads = this.#uploads;
    // An upload is aborted when none of its parts is on its way: one that came later would stay.
    void Promise.allSettled([this.#uploading, uploads]).then(async () => {
      for (const { upload } of (await uploads?.catch(() => [])) ?? []) upload.abort();
      this.#release();
    });
  }

  #release(): void {
    clearTimeout(this.#waitTimer);
    this.#rest = [];
    this.#small = undefined;
    const { small, large } = this.#receiving.memory;
    small.release(this.#share);
    large.putBack(this.#first);
    large.putBack(this.#filling);
    this.#first = [];
    this.#filling = [];
    const owned = this.#ownedBlocks;
    this.#ownedBlocks = 0;
    if (owned > 0) large.disown(owned);
    if (this.#phase !== 'ended' || this.#told) return;
    this.#told = true;
    this.#receiving.ended();
  }
}

/** What a message of this declared size will ever need; without one, or past it, the whole window. */
export function blocksFor({ envelope }: MessageFacts, sizeInOctets: number): number {
  const declared = envelope.parameters.size ?? 0;
  if (declared < sizeInOctets) return WINDOW_BLOCKS;
  // The declared size is the one with line ends (RFC 1870 section 3); one block more for who counts otherwise.
  const blocks = Math.ceil(declared / BLOCK_OCTETS) + 1;
  return blocks > SINGLE_PUT_BLOCKS ? WINDOW_BLOCKS : blocks;
}

/** As many octets from the start as are looked at for the header section, or all. */
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
