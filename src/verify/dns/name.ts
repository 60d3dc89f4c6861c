// Domain names as on the wire (RFC 1035 sections 3.1 and 4.1.4). A label holds any octets (RFC 2181 section 11), so names
// are handled as octets here, never as text in some character set.

/** RFC 1035 section 3.1, the length octets and the final zero counted. */
const NAME_OCTETS = 255;
const LABEL_OCTETS = 63;
/** A name has at most 127 labels, so more pointers than that serve nobody. */
const POINTERS = 127;
const POINTER = 0xc0;
const HEADER_OCTETS = 12;

/**
 * The wire format of a name, as latin1 characters, its ASCII letters in lower case (RFC 4343). `undefined`: no such name
 * can be.
 */
export function wireName(name: string): string | undefined {
  if (name === '') return '\0';
  if (name.length > NAME_OCTETS - 2) return undefined;
  let wire = '';
  for (const label of name.split('.')) {
    if (label.length === 0 || label.length > LABEL_OCTETS) return undefined;
    wire += String.fromCharCode(label.length) + label;
  }
  return /[^\0-\xff]/.test(wire) ? undefined : `${nameKey(wire)}\0`;
}

/**
 * Two names, as text or as on the wire, have one key if they are the same: ASCII letters in lower case, and the octets of lengths
 * are below them.
 */
export function nameKey(name: string): string {
  return /[A-Z]/.test(name) ? name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : name;
}

/** One name at a time is read, so there is one place for it; a string for each label of a thousand names takes long. */
const scratch = Buffer.alloc(2 * NAME_OCTETS);
const DOT = 0x2e;
const BACKSLASH = 0x5c;

/** A name of an answer as text. */
export function nameText(wire: string): string {
  let written = 0;
  for (let at = 0; wire.charCodeAt(at) > 0; ) {
    const end = at + 1 + wire.charCodeAt(at);
    if (at > 0) scratch[written++] = DOT;
    for (at += 1; at < end; at += 1) {
      const octet = wire.charCodeAt(at);
      if (octet === DOT) scratch[written++] = BACKSLASH;
      scratch[written++] = octet;
    }
  }
  return written === 0 ? '.' : scratch.toString('latin1', 0, written);
}

/** Where the name at `at` ends in the message, its pointers not followed; `undefined` where it does not. */
export function skipName(message: Buffer, at: number): number | undefined {
  for (let next = at; ; ) {
    const length = message[next];
    if (length === undefined) return undefined;
    if (length === 0) return next + 1;
    if (length >= POINTER) return next + 2 <= message.length ? next + 2 : undefined;
    if (length > LABEL_OCTETS) return undefined;
    next += 1 + length;
  }
}

/**
 * The name at `at`, pointers followed. Each pointer must lead to an earlier place than what led to it, so their number is
 * bounded and no two of them make a circle. `undefined`: not a name.
 */
export function readName(message: Buffer, at: number): string | undefined {
  let written = 0;
  let pointers = 0;
  for (let next = at, start = at; ; ) {
    const length = message[next];
    if (length === undefined) return undefined;
    if (length === 0) {
      scratch[written] = 0;
      return scratch.toString('latin1', 0, written + 1);
    }
    if (length >= POINTER) {
      const low = message[next + 1];
      if (low === undefined) return undefined;
      const target = ((length & 0x3f) << 8) | low;
      pointers += 1;
      if (target >= start || target < HEADER_OCTETS || pointers > POINTERS) return undefined;
      next = target;
      start = target;
      continue;
    }
    const end = next + 1 + length;
    if (length > LABEL_OCTETS || end > message.length) return undefined;
    if (written + 1 + length >= NAME_OCTETS) return undefined;
    for (; next < end; next += 1) scratch[written++] = message[next] ?? 0;
  }
}

/**
 * Whether the name at `at` is `wire`, which is in lower case. It ends at the first octet that differs, so it is cheap for
 * the names of an answer that are about something else. A name that cannot be read is not `wire`.
 */
export function isNameAt(message: Buffer, at: number, wire: string): boolean {
  let pointers = 0;
  let matched = 0;
  for (let next = at, start = at; ; ) {
    const length = message[next];
    if (length === undefined) return false;
    if (length >= POINTER) {
      const low = message[next + 1];
      if (low === undefined) return false;
      const target = ((length & 0x3f) << 8) | low;
      pointers += 1;
      if (target >= start || target < HEADER_OCTETS || pointers > POINTERS) return false;
      next = target;
      start = target;
      continue;
    }
    if (length !== wire.charCodeAt(matched)) return false;
    if (length === 0) return matched + 1 === wire.length;
    for (let index = 1; index <= length; index += 1) {
      const octet = message[next + index] ?? -1;
      const lower = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
      if (lower !== wire.charCodeAt(matched + index)) return false;
    }
    next += 1 + length;
    matched += 1 + length;
  }
}
