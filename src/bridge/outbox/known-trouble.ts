// What a task remembers of the outbox between its passes, so that thousands of markers that cannot be published are not
// read again every few seconds. Forgetting it costs reads, and nothing else.
import type { AwsFailure } from '../events.ts';

/** `topic`: its topic takes nothing. `other-version`: another release's. `object`: S3 does not let it be read or deleted. */
export type TroubleReason = 'topic' | 'other-version' | 'object';

export interface Trouble {
  readonly reason: TroubleReason;
  /** Of the reason `topic`. */
  readonly topicArn?: string;
  readonly failure: AwsFailure;
}

interface Rest {
  readonly trouble: Trouble;
  readonly millis: number;
  readonly until: number;
}

interface KnownMarker {
  /** The topic whose rest is the marker's, or its own. */
  readonly rest: Rest | string;
  pass: number;
}

const FIRST_REST_MILLIS = 15_000;
const MAX_REST_MILLIS = 300_000;
/** Some megabytes. A marker or a topic beyond is looked at in every pass. */
const MAX_MARKERS = 50_000;
const MAX_TOPICS = 1000;
const MAX_ANNOUNCED = 10_000;

export class KnownTrouble {
  readonly #markers = new Map<string, KnownMarker>();
  readonly #topics = new Map<string, Rest>();
  /** Announced, but not deleted. */
  readonly #announced = new Set<string>();
  #pass = 0;

  beginPass(): void {
    this.#pass += 1;
  }

  /** Forgets the markers that a pass over all of them did not meet. */
  endPass(): void {
    for (const [key, { pass }] of this.#markers) {
      if (pass !== this.#pass) this.#markers.delete(key);
    }
  }

  /** Why the marker is passed over without being read. */
  ofMarker(key: string): Trouble | undefined {
    const known = this.#markers.get(key);
    if (known === undefined) return undefined;
    known.pass = this.#pass;
    const rest = typeof known.rest === 'string' ? this.#topics.get(known.rest) : known.rest;
    return troubleOf(rest);
  }

  /** Why no marker of the topic is published now. */
  ofTopic(topicArn: string): Trouble | undefined {
    return troubleOf(this.#topics.get(topicArn));
  }

  noteTopic(topicArn: string, trouble: Trouble): void {
    const known = this.#topics.get(topicArn);
    // Batches that were under way together fail together.
    if (troubleOf(known) !== undefined) return;
    if (known !== undefined || this.#topics.size < MAX_TOPICS) {
      this.#topics.set(topicArn, nextRest(known, trouble));
    }
  }

  topicWorks(topicArn: string): void {
    this.#topics.delete(topicArn);
  }

  /** The marker belongs to the topic, and rests as long as that. */
  noteMarkerOf(topicArn: string, key: string): void {
    this.#note(key, topicArn);
  }

  noteMarker(key: string, trouble: Trouble): void {
    const rest = this.#markers.get(key)?.rest;
    this.#note(key, nextRest(typeof rest === 'object' ? rest : undefined, trouble));
  }

  /** Only its deletion is left to do. */
  noteAnnounced(key: string): void {
    if (this.#announced.size < MAX_ANNOUNCED) this.#announced.add(key);
  }

  wasAnnounced(key: string): boolean {
    return this.#announced.has(key);
  }

  forget(key: string): void {
    this.#markers.delete(key);
    this.#announced.delete(key);
  }

  #note(key: string, rest: Rest | string): void {
    if (this.#markers.has(key) || this.#markers.size < MAX_MARKERS) {
      this.#markers.set(key, { rest, pass: this.#pass });
    }
  }
}

function troubleOf(rest: Rest | undefined): Trouble | undefined {
  return rest !== undefined && performance.now() < rest.until ? rest.trouble : undefined;
}

function nextRest(before: Rest | undefined, trouble: Trouble): Rest {
  const millis = Math.min(MAX_REST_MILLIS, before ? before.millis * 2 : FIRST_REST_MILLIS);
  return { trouble, millis, until: performance.now() + millis };
}
