// The octets of all messages in progress, bounded by arithmetic. Two budgets share `limits.memory`: a quarter for
// messages while they are small, and blocks for the others. Blocks are allocated once and reused, so the process holds
// what the budgets hold, whatever the garbage collector does.
import { FairBudget } from './fair-budget.ts';

/** What a message may hold before it moves to blocks. */
export const SMALL_OCTETS = 256 * 1024;
export const BLOCK_OCTETS = 256 * 1024;
/** S3 takes no part under 5 MiB except the last; the embedded S3 takes none over 11 MiB. */
export const PART_BLOCKS = 20;
/** The most that a message holds: the first part, which waits for the trace headers; one in upload; one being filled. */
export const WINDOW_BLOCKS = 3 * PART_BLOCKS;
/** What is expected of a message whose window is not always full. */
const EXPECTED_OCTETS = 48 * BLOCK_OCTETS;
/** A message of this size begins without waiting for the larger ones, which leave an eighth of the blocks to it. */
export const LITTLE_OCTETS = 2 * 1024 * 1024;
const LITTLE_PART = 8;

export class Memory {
  readonly small: FairBudget;
  readonly large: FairBudget;
  readonly blocks = new Blocks();
  readonly octets: number;

  /** Never less than one window and 4 MiB for small messages: no mail would fit otherwise. */
  constructor(octets: number) {
    const smallOctets = Math.max(4 * 1024 * 1024, Math.floor(octets / 4));
    const blocks = Math.max(WINDOW_BLOCKS, Math.floor((octets - octets / 4) / BLOCK_OCTETS));
    const largeOctets = blocks * BLOCK_OCTETS;
    this.octets = smallOctets + largeOctets;
    this.small = new FairBudget({
      octets: smallOctets,
      messageOctets: SMALL_OCTETS,
      littleOctets: SMALL_OCTETS,
      octetsForLittle: 0,
    });
    this.large = new FairBudget({
      octets: largeOctets,
      messageOctets: WINDOW_BLOCKS * BLOCK_OCTETS,
      littleOctets: LITTLE_OCTETS,
      octetsForLittle: Math.floor(blocks / LITTLE_PART) * BLOCK_OCTETS,
    });
  }

  /** What messages hold now. */
  get usedOctets(): number {
    return this.small.usedOctets + this.large.usedOctets;
  }

  /** What the one client holds that holds the most. */
  get largestShareOctets(): number {
    let largest = 0;
    for (const [key, { held }] of this.large.clients) {
      largest = Math.max(largest, held + (this.small.clients.get(key)?.held ?? 0));
    }
    for (const { held } of this.small.clients.values()) largest = Math.max(largest, held);
    return largest;
  }
}

/** Blocks of 256 KiB that were used before. As many as the budget of the large messages ever gave at one time. */
export class Blocks {
  readonly #spare: Buffer[] = [];

  /** A block of which the caller's message has reserved the octets. It is not cleared. */
  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_OCTETS);
  }

  /** Gives back blocks for any message to take. */
  putBack(blocks: readonly Buffer[]): void {
    this.#spare.push(...blocks);
  }
}

/** What a message of this declared size is expected to hold at one time; 0 is none declared. */
export function expectedOctets(declaredOctets: number): number {
  if (declaredOctets === 0) return EXPECTED_OCTETS;
  // RFC 1870 section 3: the declared size includes line ends. One more block for clients that count otherwise.
  return Math.min(EXPECTED_OCTETS, (Math.ceil(declaredOctets / BLOCK_OCTETS) + 1) * BLOCK_OCTETS);
}
