import { createHash, type Hash } from 'node:crypto';
import type { ReceivedMail } from './received-mail.ts';

/** Size and SHA-256 of a message as it was received, and as it is stored where the two differ. */
export class ContentDigest {
  readonly #hash = createHash('sha256');
  /** Of the octets to store, from the first one on that is not as received. */
  #storedHash: Hash | undefined;
  #sizeInOctets = 0;
  #storedOctets = 0;

  get sizeInOctets(): number {
    return this.#sizeInOctets;
  }

  get storedOctets(): number {
    return this.#storedOctets;
  }

  count(span: Buffer, received: Buffer): void {
    this.#sizeInOctets += received.length;
    this.#storedOctets += span.length;
  }

  /** Takes a span to store, and what was received in its place. */
  update(span: Buffer, received: Buffer): void {
    if (received !== span) this.#storedHash ??= this.#hash.copy();
    this.#hash.update(received);
    this.#storedHash?.update(span);
  }

  /** `renamedFields`: how many header fields were renamed. Called once. */
  finish(renamedFields: number): Pick<ReceivedMail, 'sizeInOctets' | 'sha256' | 'stored'> {
    return {
      sizeInOctets: this.#sizeInOctets,
      sha256: this.#hash.digest(),
      ...(this.#storedHash && {
        stored: {
          sizeInOctets: this.#storedOctets,
          sha256: this.#storedHash.digest(),
          renamedFields,
        },
      }),
    };
  }
}
