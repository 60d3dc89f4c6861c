// The one PROXY header that a trusted proxy sends before the client's first octet. Its version is told by
// its first octets; that there is to be one at all is told by configuration and never guessed.
import { MORE, type ProxyRead, invalid } from './proxy-header.ts';
import { V1_PREFIX, readV1 } from './proxy-v1.ts';
import { V2_SIGNATURE, readV2 } from './proxy-v2.ts';

/** Reads one header, however the network cut it. */
export class ProxyHeaderReader {
  /** Bounded: no header that is still incomplete is longer than 4,112 octets. */
  #octets: Buffer = Buffer.alloc(0);

  /** Takes the next octets. After `header` or `invalid` the reader has done its work. */
  read(chunk: Buffer): ProxyRead {
    this.#octets = this.#octets.length === 0 ? chunk : Buffer.concat([this.#octets, chunk]);
    const octets = this.#octets;
    if (octets.length === 0) return MORE;
    const [first, readRest] =
      octets[0] === V1_PREFIX[0] ? [V1_PREFIX, readV1] : [V2_SIGNATURE, readV2];
    const known = Math.min(octets.length, first.length);
    if (octets.compare(first, 0, known, 0, known) !== 0) return invalid('not-a-header');
    return known < first.length ? MORE : readRest(octets);
  }
}
