/** What takes the place of a NUL and of a surrogate without its pair. */
const REPLACEMENT = '\ufffd';

/** U+FFFD in place of each NUL and each surrogate without its pair. */
export function cleanString(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes('\0') ? whole.replaceAll('\0', REPLACEMENT) : whole;
}

/**
 * Replaces each NUL and each surrogate without its pair in every string of a value, in the names of its members and in
 * the keys of its maps. Databases, JSON parsers and XML refuse them. Octets and dates are not touched.
 */
export function cleanStrings<T extends object>(root: T): T {
  const seen = new Set<object>([root]);
  // A list of what is left to do, not a recursion: the depth is the sender's.
  const left: object[] = [root];
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string') return cleanString(value);
    if (typeof value !== 'object' || value === null || seen.has(value)) return value;
    if (Buffer.isBuffer(value) || value instanceof Date) return value;
    seen.add(value);
    left.push(value);
    return value;
  };
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (next instanceof Map) cleanMap(next, clean);
    else cleanMembers(next as Record<string, unknown>, clean);
  }
  return root;
}

function cleanMap(map: Map<unknown, unknown>, clean: (value: unknown) => unknown): void {
  const entries = [...map];
  const isNamed = entries.every(([key]) => typeof key !== 'string' || cleanString(key) === key);
  // In their order, also where a key changes.
  if (!isNamed) map.clear();
  for (const [key, value] of entries) map.set(clean(key), clean(value));
}

function cleanMembers(members: Record<string, unknown>, clean: (value: unknown) => unknown): void {
  for (const [name, value] of Object.entries(members)) {
    const cleaned = clean(value);
    const cleanedName = cleanString(name);
    if (cleanedName !== name) delete members[name];
    else if (cleaned === value) continue;
    // Not an assignment: a parameter may be called `__proto__`.
    Object.defineProperty(members, cleanedName, {
      value: cleaned,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
}
