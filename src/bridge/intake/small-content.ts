// The octets of a message while it is small. A span is kept as it is where that costs at most twice its octets. A span
// that is a small part of its buffer is copied, so that a sender of one octet a packet does not hold a buffer for each.

/** What a kept span may cost: twice what it holds. */
const MAX_OVERHEAD = 2;
const KEEP_OCTETS = 1024;
const FIRST_TAIL_OCTETS = 4 * 1024;
const MAX_TAIL_OCTETS = 64 * 1024;

export class SmallContent {
  readonly #chunks: Buffer[] = [];
  #tail: Buffer | undefined;
  #tailUsed = 0;
  #tailOctets = FIRST_TAIL_OCTETS;
  /** Memory held: at least as much as there are octets. */
  heldOctets = 0;

  add(span: Buffer): void {
    if (span.length >= KEEP_OCTETS && span.buffer.byteLength <= span.length * MAX_OVERHEAD) {
      this.#closeTail();
      this.#chunks.push(span);
      this.heldOctets += span.buffer.byteLength;
      return;
    }
    for (let at = 0; at < span.length; ) {
      this.#tail ??= this.#newTail();
      const copied = span.copy(this.#tail, this.#tailUsed, at);
      this.#tailUsed += copied;
      at += copied;
      if (this.#tailUsed === this.#tail.length) this.#closeTail();
    }
  }

  /** All octets in their order; nothing may be added afterwards. */
  take(): Buffer[] {
    this.#closeTail();
    return this.#chunks;
  }

  #newTail(): Buffer {
    const tail = Buffer.allocUnsafeSlow(this.#tailOctets);
    this.#tailOctets = Math.min(MAX_TAIL_OCTETS, this.#tailOctets * 2);
    this.heldOctets += tail.length;
    return tail;
  }

  #closeTail(): void {
    if (this.#tail === undefined) return;
    this.#chunks.push(this.#tail.subarray(0, this.#tailUsed));
    this.#tail = undefined;
    this.#tailUsed = 0;
  }
}
