// The octets of a large message that are in memory: in blocks, of which the last one is being filled.
import { BLOCK_OCTETS, PART_BLOCKS } from './memory.ts';

/** What is stored by one PutObject: a whole number of blocks. */
const SINGLE_PUT_BLOCKS = (8 * 1024 * 1024) / BLOCK_OCTETS;

export class LargeContent {
  /** The first part, once there are more; it is uploaded last. */
  first: readonly Buffer[] = [];
  #blocks: Buffer[] = [];
  /** Octets used in the last block. */
  #fill = BLOCK_OCTETS;

  /** Needs another block before the next octet. */
  get isFull(): boolean {
    return this.#fill === BLOCK_OCTETS;
  }

  /** Holds all that one PutObject takes. */
  get isPastSinglePut(): boolean {
    return this.#blocks.length === SINGLE_PUT_BLOCKS;
  }

  get isPart(): boolean {
    return this.#blocks.length === PART_BLOCKS;
  }

  addBlock(block: Buffer): void {
    this.#blocks.push(block);
    this.#fill = 0;
  }

  /** Copies into the last block as much as fits, and returns how much that was. */
  copy(span: Buffer, from: number): number {
    const copied = span.copy(this.#blocks.at(-1) ?? Buffer.alloc(0), this.#fill, from);
    this.#fill += copied;
    return copied;
  }

  splitFirst(): void {
    this.first = this.#blocks.splice(0, PART_BLOCKS);
  }

  /** All blocks but those of the first part. */
  takePart(): readonly Buffer[] {
    const part = this.#blocks;
    this.#blocks = [];
    return part;
  }

  /** The same, the last block up to where it is used. They stay. */
  filled(): Buffer[] {
    const last = this.#blocks.at(-1);
    return last === undefined ? [] : [...this.#blocks.slice(0, -1), last.subarray(0, this.#fill)];
  }

  takeAll(): readonly Buffer[] {
    const all = [...this.first, ...this.#blocks];
    this.first = [];
    this.#blocks = [];
    return all;
  }
}
