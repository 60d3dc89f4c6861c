/** Every string in a value: members and their names, keys and values of maps, elements. Octets are not looked into. */
export function stringsOf(root: unknown): string[] {
  const found: string[] = [];
  const seen = new Set<unknown>();
  const left: unknown[] = [root];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === 'string') found.push(next);
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    seen.add(next);
    if (Buffer.isBuffer(next) || next instanceof Date) continue;
    if (next instanceof Map) left.push(...[...next].flat());
    for (const key of Reflect.ownKeys(next)) {
      left.push(String(key), Reflect.get(next, key));
    }
  }
  return found;
}
