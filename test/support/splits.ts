// The ways in which a network may cut a run of octets.

/** Whole, cut once at every place, and one octet at a time. */
export function* everySplit(bytes: Buffer): Generator<readonly Buffer[]> {
  yield [bytes];
  for (let cut = 1; cut < bytes.length; cut++) {
    yield [bytes.subarray(0, cut), bytes.subarray(cut)];
  }
  if (bytes.length > 2) yield octetByOctet(bytes);
}

export function octetByOctet(bytes: Buffer): readonly Buffer[] {
  return Array.from({ length: bytes.length }, (_, at) => bytes.subarray(at, at + 1));
}

/** Cut at the given places, in any order; what is out of range is no cut. */
export function cutAt(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const cuts = [...new Set(places)]
    .filter((place) => place > 0 && place < bytes.length)
    .toSorted((a, b) => a - b);
  return [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index]));
}

/** `\r`, `\n`, `\0`, `\\`, `\xHH`, and `\{text*n}` for text n times over. */
export function unescape(text: string): Buffer {
  const parts: Buffer[] = [];
  let read = 0;
  const pattern = /\\(?:([rn0\\])|x([0-9a-f]{2})|\{(.+?)\*(\d+)\})|[^\\]+/giy;
  for (const match of text.matchAll(pattern)) {
    const [whole, simple, hex, repeated, times] = match;
    read += whole.length;
    if (simple !== undefined)
      parts.push(Buffer.from({ r: '\r', n: '\n', 0: '\0' }[simple] ?? '\\'));
    else if (hex !== undefined) parts.push(Buffer.from(hex, 'hex'));
    else if (repeated !== undefined) parts.push(Buffer.from(repeated.repeat(Number(times))));
    else parts.push(Buffer.from(whole));
  }
  if (read !== text.length) throw new Error(`unknown escape in ${text.slice(read)}`);
  return Buffer.concat(parts);
}
