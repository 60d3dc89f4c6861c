// Answers that are still valid, the one used longest ago forgotten first. Bounded in entries and in octets.
import type { Finding } from './read-answer.ts';
import type { DnsAnswer } from './resolver.ts';

/** A changed key or policy is seen after a day, whatever its TTL was. */
const MOST_SECONDS = 86_400;
/** That something does not exist is believed for a shorter time: it is what is mended first (RFC 2308 section 5). */
const MOST_NEGATIVE_SECONDS = 900;
/** RFC 9520 section 3.2: a failure is remembered, but not for long. */
const FAILURE_SECONDS = 3;
/** What an entry takes beside its text: the objects, the entry of the map. */
const ENTRY_OCTETS = 300;
const RECORD_OCTETS = 40;

interface Entry {
  readonly answer: DnsAnswer;
  /** On the clock of `performance.now`. */
  readonly expires: number;
  readonly sizeInOctets: number;
}

export class AnswerCache {
  readonly #entries = new Map<string, Entry>();
  readonly #mostEntries: number;
  readonly #mostOctets: number;
  #octets = 0;

  constructor(mostEntries: number, mostOctets: number) {
    this.#mostEntries = mostEntries;
    this.#mostOctets = mostOctets;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** An estimate of what is held. */
  get sizeInOctets(): number {
    return this.#octets;
  }

  get(key: string, now: number): DnsAnswer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.expires <= now) {
      this.#octets -= entry.sizeInOctets;
      return undefined;
    }
    this.#entries.set(key, entry);
    return entry.answer;
  }

  /** Remembers an answer for as long as it may be; not at all where that is no time. */
  set(key: string, { answer, ttlSeconds }: Finding, now: number): void {
    this.#delete(key);
    const seconds = lifetime(answer, ttlSeconds);
    const sizeInOctets = ENTRY_OCTETS + key.length + textOctets(answer);
    if (seconds <= 0 || sizeInOctets > this.#mostOctets) return;
    this.#entries.set(key, { answer, expires: now + seconds * 1000, sizeInOctets });
    this.#octets += sizeInOctets;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#mostEntries && this.#octets <= this.#mostOctets) return;
      this.#delete(oldest);
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#octets = 0;
  }

  #delete(key: string): void {
    this.#octets -= this.#entries.get(key)?.sizeInOctets ?? 0;
    this.#entries.delete(key);
  }
}

function lifetime(answer: DnsAnswer, ttlSeconds: number): number {
  if (answer.kind === 'failed') return FAILURE_SECONDS;
  return Math.min(ttlSeconds, answer.kind === 'records' ? MOST_SECONDS : MOST_NEGATIVE_SECONDS);
}

function textOctets(answer: DnsAnswer): number {
  if (answer.kind !== 'records') return 0;
  return answer.records.reduce((sum, record) => sum + RECORD_OCTETS + record.length, 0);
}
