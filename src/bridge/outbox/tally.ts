import type { Trouble } from './known-trouble.ts';
import type { OutboxEntry } from './marker.ts';

/** Markers that were passed over for one reason, of one topic where the reason is its. */
export interface SkippedMarkers extends Trouble {
  readonly markers: number;
}

interface Skipped {
  readonly trouble: Trouble;
  markers: number;
  /** One of them was tried in this pass. */
  isNew: boolean;
}

/** `gone`: nothing was left to publish. `undeleted`: published, and its marker is still there. */
type Outcome = 'published' | 'undeleted' | 'dead-letter' | 'refused' | 'gone';

/** The counts of one pass. */
export class Tally {
  readonly #outcomes: Record<Outcome, number> = {
    published: 0,
    undeleted: 0,
    'dead-letter': 0,
    refused: 0,
    gone: 0,
  };
  readonly #skipped = new Map<string, Skipped>();
  #met = 0;
  #oldestAt = Infinity;

  meet(): void {
    this.#met += 1;
  }

  count(outcome: Outcome): void {
    this.#outcomes[outcome] += 1;
  }

  /** It waits for a later pass. */
  leave({ writtenAt }: OutboxEntry): void {
    this.#oldestAt = Math.min(this.#oldestAt, writtenAt.getTime());
  }

  skip(entry: OutboxEntry, trouble: Trouble, isNew: boolean): void {
    this.leave(entry);
    const name = `${trouble.reason} ${trouble.topicArn ?? ''}`;
    const skipped = this.#skipped.get(name);
    if (skipped === undefined) this.#skipped.set(name, { trouble, markers: 1, isNew });
    else {
      skipped.markers += 1;
      skipped.isNew ||= isNew;
    }
  }

  of(outcome: Outcome): number {
    return this.#outcomes[outcome];
  }

  get skipped(): SkippedMarkers[] {
    return Array.from(this.#skipped.values(), ({ trouble, markers }) => ({ ...trouble, markers }));
  }

  /** Those with a marker that was tried in this pass. */
  get newlySkipped(): SkippedMarkers[] {
    return Array.from(this.#skipped.values())
      .filter(({ isNew }) => isNew)
      .map(({ trouble, markers }) => ({ ...trouble, markers }));
  }

  /** Markers that were met and still wait. */
  get waiting(): number {
    const { published, gone } = this.#outcomes;
    return this.#met - published - gone - this.#outcomes['dead-letter'];
  }

  /** Of the oldest of them; 0 without any. */
  get oldestSeconds(): number {
    return this.#oldestAt === Infinity ? 0 : Math.max(0, (Date.now() - this.#oldestAt) / 1000);
  }
}
