import { BoundedMap } from '../../../counters/bounded-map.ts';
import { type KeyRecord, readKeyRecord } from './key-record.ts';

const DEFAULT_CAPACITY = 1000;

/**
 * Key records that were read before, by their text: making a key of one takes longer than verifying with it. One for the
 * process; how long a record is valid is the resolver's to know.
 */
export class KeyCache {
  readonly #records: BoundedMap<KeyRecord>;

  /** `capacity`: how many records are kept, those used last. Default 1,000. */
  constructor(capacity: number = DEFAULT_CAPACITY) {
    this.#records = new BoundedMap(capacity);
  }

  read(text: string): KeyRecord {
    const known = this.#records.get(text);
    if (known !== undefined) return known;
    const record = readKeyRecord(text);
    // A record that is not usable is read again: its text may be of any length.
    if (record.ok) this.#records.set(text, record);
    return record;
  }
}
